"""NUMA balancing leaves a page that its process has pinned read-only.

Since v5.9 a store to a base page that is mapped read-only copies it wherever anybody else has a
reference, as whoever has pinned it: process and device part. A hint keeps whether an entry is
writable. But it is put on migration entries, too, and makes those read-only; when the page then
cannot be moved, because it is pinned, its mapping comes back without the write bit. The fix puts no
hints on pages that others use, so that nobody tries to move them.
"""

from __future__ import annotations

from mmspec.kernels.changes import NUMA_HINTS_SPARE_PAGES_IN_USE
from mmspec.kernels.releases import v4_14_sole_reference
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.mprotect import change_pte_range

BUG = Bug(
    fixed=NUMA_HINTS_SPARE_PAGES_IN_USE,
    kernel=v4_14_sole_reference,
    scenario=SCENARIO,
    cases=("registered/balance_and_io/balance_and_look",),
    violates=no_store_is_lost,
    key_steps=(
        "balance_and_look: migrate_misplaced_page",
        "balance_and_look: try_to_unmap_one: writes val",
        "balance_and_io: change_pte_range: writes val",
        "balance_and_look: remove_migration_pte: writes val",
        "balance_and_io: wp_page_copy",
    ),
    steps=180,
    states=20_701,
    exhausted=474,
    reached=(change_pte_range,),
)
