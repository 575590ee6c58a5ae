"""mremap moves a huge page to another address, and flushes when others can have it there.

The lock of the page table is what keeps others from a page that moves. mremap gave it back, and
flushed the old address at the end. In between another process that shares the page migrates it: it
finds the page at the new address, flushes that, copies the page and frees it. The old address still
leads to it, in a TLB.
"""

from __future__ import annotations

from mmspec.kernels.changes import MREMAP_FLUSHES_BEFORE_UNLOCK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mremap import move_huge_pmd

BUG = Bug(
    fixed=MREMAP_FLUSHES_BEFORE_UNLOCK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("clean/remap/move_back",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "remap: move_huge_pmd: writes val",
        "move_back: try_to_unmap",
        "move_back: migrate_page_copy",
    ),
    steps=142,
    states=5_524,
    exhausted=12_151,
    reached=(
        remove_migration_pmd,
        move_huge_pmd,
    ),
)
