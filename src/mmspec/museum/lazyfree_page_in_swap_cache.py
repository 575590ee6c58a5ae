"""A page is marked as one to be dropped while it is in the swap cache.

Reclaim had given it a slot, could not unmap it, and put it back. MADV_FREE, which had looked before
that, cleared PG_swapbacked; a page without it counts as not in the swap cache, whatever its other
flag says. It was never to leave it again, and faults on its entries led nowhere.
"""

from __future__ import annotations

from mmspec.kernels.changes import LAZYFREE_NOT_IN_SWAP_CACHE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import the_swap_cache_knows_its_pages
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.swap import mark_page_lazyfree
from mmspec.spec.page.swap_state import add_to_swap

BUG = Bug(
    fixed=LAZYFREE_NOT_IN_SWAP_CACHE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/free/reclaim",),
    violates=the_swap_cache_knows_its_pages,
    key_steps=(
        "free: madvise_free_pte: reads val",
        "reclaim: __add_to_swap_cache: writes page",
        "reclaim: putback_lru_page: writes flags",
        "free: mark_page_lazyfree: writes flags",
    ),
    steps=95,
    states=2_580,
    exhausted=5_641,
    reached=(add_to_swap, mark_page_lazyfree),
)
