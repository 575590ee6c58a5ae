"""MADV_FREE takes the migration entry of a huge page for a page table.

Since this commit it leaves alone what is being moved; before, it went on to the page table that it
took the entry for.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import madvise_free_huge_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/give_away",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "give_away: madvise_free_pte_range",
        "give_away: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=66,
    states=1_668,
    exhausted=6_325,
    reached=(madvise_free_huge_pmd,),
)
