"""clear_refs takes the migration entry of a huge page for a page table.

Who clears soft-dirty bits walks page tables with mmap_sem for reading, as migration does. It looked
for huge PMDs and for tables; a migration entry was a bad table, and was cleared.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.tracked import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.task_mmu import clear_refs_write

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/track/move",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "track: clear_refs_pte_range",
        "track: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=64,
    states=518,
    exhausted=1_420,
    reached=(
        clear_refs_write,
        remove_migration_pmd,
    ),
)
