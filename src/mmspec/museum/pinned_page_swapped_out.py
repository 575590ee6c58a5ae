"""A pinned page goes to the swap cache, and the process comes back to a copy.

Since v5.9 a store copies a base page wherever anybody else has a reference. A page that is in the
swap cache and pinned was mapped read-only when the process loaded from it again; its next store
went to a copy, and the device's to the old page. Reclaim leaves pinned pages alone now: those that
are pinned by the time it looks.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    RECLAIM_SPARES_PINNED_PAGES,
)
from mmspec.kernels.releases import v4_14_sole_reference
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned_reclaimed import SCENARIO
from mmspec.spec.page.vmscan import shrink_page_list

BUG = Bug(
    fixed=RECLAIM_SPARES_PINNED_PAGES,
    kernel=v4_14_sole_reference,
    scenario=SCENARIO,
    cases=("registered/use/reclaim",),
    violates=no_store_is_lost,
    key_steps=(
        "reclaim: add_to_swap",
        "reclaim: try_to_unmap_one: writes val",
        "use: do_swap_page",
        "use: wp_page_copy",
        "use: store_to_pinned: writes data",
    ),
    steps=159,
    states=3_257,
    exhausted=495,
    reached=(shrink_page_list,),
)
