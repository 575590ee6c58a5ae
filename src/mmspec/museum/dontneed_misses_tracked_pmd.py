"""MADV_DONTNEED walks past a huge page whose soft-dirty bit is being cleared.

Both have mmap_sem for reading. Clearing the bit made the PMD none for a moment; who looked without
the lock just then found nothing to throw away, and said so.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    CLEAR_REFS_KEEPS_PMD_HUGE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_thrown_away_is_gone
from mmspec.scenarios.thrown_away import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.task_mmu import clear_refs_write

BUG = Bug(
    fixed=CLEAR_REFS_KEEPS_PMD_HUGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap/track",),
    violates=what_was_thrown_away_is_gone,
    key_steps=(
        "track: pmdp_huge_get_and_clear: writes val",
        "zap: zap_pmd_range: reads val",
        "track: clear_soft_dirty_pmd: writes val",
    ),
    steps=13,
    states=90,
    exhausted=216,
    reached=(zap_huge_pmd, clear_refs_write),
)
