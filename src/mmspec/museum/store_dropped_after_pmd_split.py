"""What was stored while a huge PMD was split is dropped.

The split read the PMD's dirty bit, and made the PMD not present later; a store in between left no
trace but in the page. After MADV_FREE that is all the difference: reclaim splits the page, finds
nothing dirty, and drops what was stored. (The same fault as dirty_lost_in_pmd_split.)
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
    PMD_MIGRATION_KEEPS_DIRTY,
    PMDP_INVALIDATE_RETURNS_OLD,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page, __split_huge_pmd_locked

BUG = Bug(
    fixed=PMDP_INVALIDATE_RETURNS_OLD,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("freed/write/reclaim",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "reclaim: __split_huge_pmd_locked: reads val",
        "write: cpu_store: writes val",
        "reclaim: pmdp_invalidate: writes val",
        "reclaim: free_pages_ok",
    ),
    steps=393,
    states=16_251,
    exhausted=11_399,
    reached=(__split_huge_pmd_locked, __split_huge_page),
    with_it=(PMD_MIGRATION_KEEPS_DIRTY, MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS),
)
