"""What was stored while a huge page was being moved is dropped.

The dirty bit is lost as in dirty_lost_in_pmd_migration. The page had been given to MADV_FREE; where
it has moved to, reclaim finds it clean, and drops it with what was stored.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_MIGRATION_KEEPS_DIRTY
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page, remove_migration_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_KEEPS_DIRTY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("freed/write/move_and_reclaim",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "move_and_reclaim: set_pmd_migration_entry: reads val",
        "write: cpu_store: writes val",
        "move_and_reclaim: pmdp_invalidate: writes val",
        "move_and_reclaim: remove_migration_pmd: writes val",
        "move_and_reclaim: free_pages_ok",
    ),
    steps=540,
    states=31_553,
    exhausted=23_857,
    reached=(remove_migration_pmd, __split_huge_page),
)
