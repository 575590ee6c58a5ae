"""The dirty bit lost while a huge page migrates.

set_pmd_migration_entry() read the PMD, then invalidated it. A store by another CPU between the two
set a dirty bit that nobody read; the page moved as clean, and could be dropped with what was
stored. That takes a clean huge page: one that MADV_FREE was applied to.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_KEEPS_DIRTY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_KEEPS_DIRTY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("freed/move/write",),
    violates=what_was_stored_to_is_dirty,
    key_steps=(
        "move: set_pmd_migration_entry: reads val",
        "write: cpu_store: writes val",
        "move: pmdp_invalidate: writes val",
        "move: set_pmd_migration_entry: writes val",
    ),
    steps=150,
    states=2_852,
    exhausted=2_041,
    reached=(remove_migration_pmd,),
)
