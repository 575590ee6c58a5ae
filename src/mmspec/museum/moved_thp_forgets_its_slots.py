"""A huge page moves, and its tails do not know their places in the swap file any more.

Each page of a huge page that is in the swap cache notes its slot. When such a huge page was moved,
the new head got the note, and the tails none: faults on their entries found pages that seemed to
belong elsewhere, and reclaim would have unmapped them to slot 0. In v4.14 this cannot happen: there
a huge page in the swap cache never moves, since it has more references than migration expects.
"""

from __future__ import annotations

from mmspec.kernels.changes import MOVED_THP_KEEPS_ITS_SLOTS, THP_MOVES_IN_SWAP_CACHE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import the_swap_cache_knows_its_pages
from mmspec.scenarios.swapped_whole import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte, swap_cache_move_mapping

BUG = Bug(
    fixed=MOVED_THP_KEEPS_ITS_SLOTS,
    kernel=v4_14_fixed.with_(THP_MOVES_IN_SWAP_CACHE, MOVED_THP_KEEPS_ITS_SLOTS),
    scenario=SCENARIO,
    cases=("cached/move/read",),
    violates=the_swap_cache_knows_its_pages,
    key_steps=(
        "move: set_page_flags: writes flags",
        "move: swap_cache_move_mapping: writes private",
        "move: swap_cache_move_mapping: writes page",
    ),
    steps=342,
    states=5_591,
    exhausted=5_889,
    reached=(swap_cache_move_mapping, remove_migration_pte),
    introduced=THP_MOVES_IN_SWAP_CACHE,
)
