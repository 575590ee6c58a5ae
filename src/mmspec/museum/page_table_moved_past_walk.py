"""mremap moves a page table while the reverse map is walked: the walk finds its pages nowhere.

From v5.0 on mremap moves whole page tables. It takes the table out of the old place, and then puts
it into the new one; the walk, which looks for tables with no lock, passes by both in between. What
it was to replace is left: the migration entry of a page that has been migrated.
"""

from __future__ import annotations

from mmspec.kernels.changes import MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import migration_entries_name_locked_pages
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.mremap import move_normal_pmd

BUG = Bug(
    fixed=MREMAP_TABLES_UNDER_RMAP_LOCK,
    kernel=v4_14_fixed.with_(MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK),
    scenario=SCENARIO,
    cases=("base/remap/move",),
    violates=migration_entries_name_locked_pages,
    key_steps=(
        "remap: move_normal_pmd: writes val",
        "move: page_vma_mapped_walk: reads val",
        "move: page_vma_mapped_walk: reads val",
        "move: unlock_page",
    ),
    steps=171,
    states=7_961,
    exhausted=8_648,
    introduced=MREMAP_MOVES_TABLES,
    reached=(
        remove_migration_pte,
        move_normal_pmd,
    ),
)
