"""A walk that is to look under locks only skips empty PTEs without one.

PVMW_SYNC asks page_vma_mapped_walk() to pass nothing by that somebody is just removing. The loop
that skips empty PTEs took the lock at the first that is not empty; the fix takes it at once.
"""

from __future__ import annotations

from mmspec.kernels.changes import WALK_SYNC_LOCKS_EVERY_PTE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.remaps_askew import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory import zap_pte_range

BUG = Bug(
    fixed=WALK_SYNC_LOCKS_EVERY_PTE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("askew/split/zap_askew", "askew/split/zap_head", "askew/move/zap_head"),
    violates=no_warning_is_printed,
    key_steps=(),
    steps=0,
    states=27_463,
    exhausted=27_463,
    reached=(__split_huge_page, zap_pte_range),
    not_here="with PVMW_SYNC the first PTE of each table is locked already, and stays so",
)
