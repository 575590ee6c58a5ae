"""The dirty bit lost while a PMD is split.

pmdp_invalidate() read the PMD and then wrote it, and __split_huge_pmd_locked() had read it before:
the PTEs were made from what the PMD was before the last store.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
    PMD_MIGRATION_KEEPS_DIRTY,
    PMDP_INVALIDATE_RETURNS_OLD,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios.splits import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMDP_INVALIDATE_RETURNS_OLD,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("freed/zap_part/write",),
    violates=what_was_stored_to_is_dirty,
    key_steps=(
        "zap_part: __split_huge_pmd_locked: reads val",
        "write: cpu_store: writes val",
        "zap_part: pmdp_invalidate: writes val",
    ),
    steps=56,
    states=1_114,
    exhausted=968,
    reached=(__split_huge_pmd_locked,),
    with_it=(PMD_MIGRATION_KEEPS_DIRTY, MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS),
)
