"""pagemap takes the migration entry of a huge page for a page table.

Who reads how a process is mapped walks page tables with mmap_sem for reading. To look was enough to
destroy the entry: it was cleared as a bad table.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.told import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/read_pagemap",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "read_pagemap: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=65,
    states=570,
    exhausted=1_316,
    reached=(remove_migration_pmd,),
)
