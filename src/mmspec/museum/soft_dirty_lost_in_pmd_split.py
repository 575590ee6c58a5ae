"""Pages are reported as not written to after their PMD was split.

The soft-dirty bit of the PMD was not given to the PTEs. One task is enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_SPLIT_KEEPS_SOFT_DIRTY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_soft_dirty
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMD_SPLIT_KEEPS_SOFT_DIRTY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap_part",),
    violates=what_was_stored_to_is_soft_dirty,
    key_steps=("zap_part: __split_huge_pmd_locked: writes val",),
    steps=56,
    states=57,
    exhausted=57,
    reached=(__split_huge_pmd_locked,),
)
