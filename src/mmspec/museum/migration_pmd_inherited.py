"""fork() takes the migration entry of a huge page for a page table.

The page is shared already, and another process moves it while the one that shares it forks.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import copy_huge_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family/move/inherit",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "inherit: copy_page_range",
        "inherit: pmd_none_or_clear_bad",
    ),
    steps=123,
    states=4_678,
    exhausted=8_664,
    reached=(copy_huge_pmd,),
)
