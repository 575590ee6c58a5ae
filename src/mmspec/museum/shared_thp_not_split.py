"""A huge page that two processes map cannot be split.

v6.15 split PMDs inside the walk that puts migration entries, and then told the reverse map to go no
further. The PMDs of other processes stayed, and so did their references: the page was not split.
One task is enough. With the pages of one process nothing was wrong.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    FREEZE_GOES_ON_AFTER_PMD_SPLIT,
    FREEZE_SPLITS_PMD_IN_WALK,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import no_huge_page_is_left
from mmspec.scenarios.taken_apart import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=FREEZE_GOES_ON_AFTER_PMD_SPLIT,
    kernel=v4_14_fixed.with_(FREEZE_SPLITS_PMD_IN_WALK, FREEZE_GOES_ON_AFTER_PMD_SPLIT),
    scenario=SCENARIO,
    cases=("family/split",),
    violates=no_huge_page_is_left,
    key_steps=(
        "split: __split_huge_pmd_locked: writes val",
        "split: page_vma_mapped_walk_done",
        "split: remove_migration_ptes",
    ),
    steps=226,
    states=227,
    exhausted=510,
    reached=(__split_huge_page,),
    introduced=FREEZE_SPLITS_PMD_IN_WALK,
)
