"""mprotect() takes the migration entry of a huge page for a page table.

Another process that maps the page moves it; mprotect() clears the entry as a bad one.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.protected import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family/move/protect",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "protect: change_pmd_range",
        "protect: change_pte_range",
    ),
    steps=85,
    states=1_012,
    exhausted=2_214,
    reached=(change_huge_pmd,),
)
