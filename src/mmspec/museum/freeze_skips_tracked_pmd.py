"""A split leaves a PMD alone that was none when it looked.

It looked without the lock, while somebody cleared the PMD's soft-dirty bit, for which it was made
none for a moment. The page stayed mapped: then a VM_BUG_ON().
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    FREEZE_CHECKS_PMD_UNDER_LOCK,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.tracked import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.task_mmu import clear_refs_write

BUG = Bug(
    fixed=FREEZE_CHECKS_PMD_UNDER_LOCK,
    kernel=v4_10_fixed,
    scenario=SCENARIO,
    cases=("huge/track/split",),
    violates=no_warning_is_printed,
    key_steps=(
        "track: pmdp_huge_get_and_clear: writes val",
        "split: split_huge_pmd_address: reads val",
        "track: clear_soft_dirty_pmd: writes val",
        "split: VM_WARN_ON_ONCE_PAGE",
    ),
    steps=60,
    states=408,
    exhausted=4_655,
    reached=(__split_huge_page, clear_refs_write),
)
