"""A thread maps what a page held before it was swapped out a second time.

Where the disk is done at once, a fault on the only entry of a slot reads into a page of its own and
leaves the swap cache out. Two threads could do so at the same time. If the first then stored to its
page, and that was swapped out again, to the same slot, the second found the entry that it had begun
with, and mapped what it had read: what was in the slot before.
"""

from __future__ import annotations

from mmspec.kernels.changes import SWAPIN_KEEPS_OTHERS_OUT, SWAPIN_SKIPS_CACHE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.swapped_beside import SCENARIO
from mmspec.spec.page.memory import do_swap_page
from mmspec.spec.page.page_io import swap_readpage_synchronously, swap_writepage

BUG = Bug(
    fixed=SWAPIN_KEEPS_OTHERS_OUT,
    kernel=v4_14_fixed.with_(SWAPIN_SKIPS_CACHE, SWAPIN_KEEPS_OTHERS_OUT),
    scenario=SCENARIO,
    cases=("out_of_three/overwrite/read/reclaim_twice",),
    violates=no_store_is_lost,
    key_steps=(
        "overwrite: swap_readpage_synchronously",
        "overwrite: cpu_store: writes data",
        "read: swap_readpage_synchronously",
        "reclaim_twice: try_to_unmap_one: writes val",
        "read: do_swap_page: reads val",
    ),
    steps=187,
    states=259_333,
    exhausted=917_202,
    reached=(do_swap_page, swap_readpage_synchronously, swap_writepage),
    introduced=SWAPIN_SKIPS_CACHE,
)
