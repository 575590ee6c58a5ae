"""The page table that was set aside for a migration entry is lost.

A huge PMD has a table set aside, for when it is split; so has the migration entry that replaces it.
Who unmaps the entry must free the table. No release had this fault; a part of the commit is taken
out.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    THP_MIGRATION,
)
from mmspec.kernels.drafts import ZAP_KEEPS_TABLE_OF_MIGRATION_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import every_huge_PMD_has_a_deposited_table
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap",),
    violates=every_huge_PMD_has_a_deposited_table,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap: zap_huge_pmd",
    ),
    steps=149,
    states=5_757,
    exhausted=8_020,
    reached=(zap_huge_pmd,),
    mutant=ZAP_KEEPS_TABLE_OF_MIGRATION_PMD,
)
