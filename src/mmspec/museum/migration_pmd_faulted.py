"""A fault takes the migration entry of a huge page for a page table.

It took a PMD that is not none and not huge for a table; that one held a swap entry was new.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.migrate import migration_entry_wait_on_locked

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/write",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "write: handle_pte_fault",
        "write: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=67,
    states=275,
    exhausted=2_066,
    reached=(migration_entry_wait_on_locked,),
)
