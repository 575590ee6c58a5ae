"""A process moves away from a page that it has pinned, since its stores are tracked.

To clear soft-dirty bits makes entries read-only. Since v5.9 the next store then copies a base page
wherever anybody else has a reference, as whoever has pinned it. One task is enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    CLEAR_REFS_SPARES_PINNED_PAGES,
)
from mmspec.kernels.releases import v4_14_sole_reference
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.gup import gup_pte_range
from mmspec.spec.page.task_mmu import clear_refs_pte_range

BUG = Bug(
    fixed=CLEAR_REFS_SPARES_PINNED_PAGES,
    kernel=v4_14_sole_reference,
    scenario=SCENARIO,
    cases=("base/track_and_io",),
    violates=no_store_is_lost,
    key_steps=(
        "track_and_io: gup_pte_range",
        "track_and_io: clear_soft_dirty",
        "track_and_io: wp_page_copy",
        "track_and_io: store_to_pinned: writes data",
    ),
    steps=60,
    states=61,
    exhausted=35,
    reached=(
        gup_pte_range,
        clear_refs_pte_range,
    ),
)
