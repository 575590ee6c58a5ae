"""A page that was stored to is mapped clean when its huge PMD is split.

The dirty bit moved to the page, so that nothing was lost; but the processor had to set the bit of
each PTE once more, with the next store.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    DIRTY_BEFORE_WRITE_BIT,
    PMD_SPLIT_KEEPS_DIRTY,
)
from mmspec.kernels.releases import YOUNG_AND_DIRTY, v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_mapped_dirty_and_young
from mmspec.scenarios.aged import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMD_SPLIT_KEEPS_DIRTY,
    kernel=v4_14_fixed.with_(*YOUNG_AND_DIRTY),
    scenario=SCENARIO,
    cases=("huge/zap_part",),
    violates=what_was_stored_to_is_mapped_dirty_and_young,
    key_steps=("zap_part: __split_huge_pmd_locked: writes val",),
    steps=56,
    states=57,
    exhausted=57,
    reached=(__split_huge_pmd_locked,),
    with_it=(DIRTY_BEFORE_WRITE_BIT,),
)
