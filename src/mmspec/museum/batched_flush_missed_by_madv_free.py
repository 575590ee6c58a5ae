"""A page that reclaim has unmapped is written to after MADV_FREE, through a TLB.

Reclaim clears entries and puts off the flush until the page is written or freed. Whoever finds the
swap entry meanwhile has nothing to unmap, and so flushed nothing: after its MADV_FREE returned, a
thread could go on storing to the old page, which was then freed. The fix was made for mprotect(),
and put the same flush into MADV_FREE, munmap() and mremap().
"""

from __future__ import annotations

from mmspec.kernels.changes import BATCHED_FLUSH_IS_NOT_MISSED
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.rmap import try_to_unmap_flush
from mmspec.spec.page.swapfile import free_swap_and_cache

BUG = Bug(
    fixed=BATCHED_FLUSH_IS_NOT_MISSED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/free_then_write/reclaim",),
    violates=no_store_is_lost,
    key_steps=(
        "reclaim: set_tlb_ubc_flush_pending: writes tlb_flush_batched",
        "reclaim: try_to_unmap_one: writes val",
        "free_then_write: pte_clear_not_present_full: writes val",
        "free_then_write: cpu_store: writes data",
        "free_then_write: do_anonymous_page",
    ),
    steps=129,
    states=8_729,
    exhausted=18_621,
    reached=(try_to_unmap_flush, free_swap_and_cache),
)
