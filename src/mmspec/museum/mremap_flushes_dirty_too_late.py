"""mremap moves a dirty huge page, and flushes when others can have it at the new address.

What v4.9 fixed is that a page of a file was written back and marked clean at its new address,
while stores still reached it by the old one. With anonymous memory it is migration that comes in
between, and the same change ends it. The kernel here flushes dirty entries only, as v4.9 to v4.18
do: see `mremap_flushes_too_late` for the others.
"""

from __future__ import annotations

from mmspec.kernels.changes import MREMAP_FLUSHES_BEFORE_UNLOCK, MREMAP_FLUSHES_DIRTY_FIRST
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mremap import move_huge_pmd

BUG = Bug(
    fixed=MREMAP_FLUSHES_DIRTY_FIRST,
    kernel=v4_14_fixed.without(MREMAP_FLUSHES_BEFORE_UNLOCK),
    scenario=SCENARIO,
    cases=("dirty/remap/move",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "remap: move_huge_pmd: writes val",
        "move: try_to_unmap",
        "move: migrate_page_copy",
    ),
    steps=144,
    states=5_608,
    exhausted=12_363,
    reached=(
        remove_migration_pmd,
        move_huge_pmd,
    ),
)
