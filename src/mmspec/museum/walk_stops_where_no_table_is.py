"""A walk for a huge page ends at its first page, where there is no page table.

Two tables can map a huge page by PTEs. page_vma_mapped_walk() gave up if there was none for the
first of them, and the split that had asked left the rest mapped. It was found with shmem, which is
mapped at any offset.
"""

from __future__ import annotations

from mmspec.kernels.changes import WALK_GOES_ON_AFTER_NO_TABLE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.remaps_askew import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory import zap_pte_range

BUG = Bug(
    fixed=WALK_GOES_ON_AFTER_NO_TABLE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("askew/split/zap_head", "askew/split/straighten", "askew/move/zap_head"),
    violates=no_warning_is_printed,
    key_steps=(),
    steps=0,
    states=36_413,
    exhausted=36_493,
    reached=(__split_huge_page, zap_pte_range),
    not_here="anonymous memory has a table where it once was, until all of its VMA goes: VMAs are "
    "not split here",
)
