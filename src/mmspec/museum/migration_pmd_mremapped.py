"""mremap takes the migration entry of a huge page for a page table.

It knew huge PMDs, which move whole, and page tables, which move entry by entry. Another process
migrates the page: the PMD is neither, and what it holds is not where a table is.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_MIGRATION_IN_COMMON_PATHS
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.mremap import move_huge_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("dirty/remap/move",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "remap: move_page_tables: reads val",
    ),
    steps=87,
    states=2_610,
    exhausted=12_236,
    reached=(move_huge_pmd,),
)
