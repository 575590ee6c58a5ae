"""A page that is given to MADV_FREE comes back from swap as garbage.

MADV_FREE makes entries clean, and then marks the page as one to be dropped, if it is on the LRU. In
between reclaim could isolate it to swap it out: it got a slot, was unmapped, and since nothing said
that it was dirty it was never written. The next fault read what somebody else had left in the slot.
"""

from __future__ import annotations

from mmspec.kernels.changes import SWAP_CACHE_ADDS_DIRTY
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.page_io import swap_writepage
from mmspec.spec.page.swap_state import add_to_swap

BUG = Bug(
    fixed=SWAP_CACHE_ADDS_DIRTY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/free/reclaim",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "free: ptep_get_and_clear: writes val",
        "reclaim: clear_page_flags: writes flags",
        "free: mark_page_lazyfree",
        "reclaim: try_to_unmap_one: writes val",
        "reclaim: __delete_from_swap_cache: writes page",
    ),
    steps=122,
    states=3_860,
    exhausted=5_641,
    reached=(add_to_swap, swap_writepage),
)
