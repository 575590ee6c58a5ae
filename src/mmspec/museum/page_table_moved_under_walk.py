"""mremap moves a page table while the reverse map is walked.

From v5.0 on mremap moves whole page tables, and does not take their locks: the lock of the PMD
keeps out nobody who looks for a page. A walk that comes by between the new place and the flush of
the old one replaces the entry and flushes the new address; the old address still leads to the page,
in a TLB. One that comes by between the old place and the new one finds nothing at either.
"""

from __future__ import annotations

from mmspec.kernels.changes import MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.mremap import move_normal_pmd

BUG = Bug(
    fixed=MREMAP_TABLES_UNDER_RMAP_LOCK,
    kernel=v4_14_fixed.with_(MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK),
    scenario=SCENARIO,
    cases=("base/remap/move",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "remap: move_normal_pmd: writes val",
        "move: try_to_unmap_one",
        "move: migrate_page_copy",
    ),
    steps=137,
    states=5_210,
    exhausted=8_648,
    introduced=MREMAP_MOVES_TABLES,
    reached=(
        remove_migration_pte,
        move_normal_pmd,
    ),
)
