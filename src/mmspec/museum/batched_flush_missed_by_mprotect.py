"""A page is stored to after mprotect() has forbidden it.

Reclaim clears entries and puts off the flush until the page is written or freed. mprotect() found a
swap entry, which has no protection, changed nothing, and so flushed nothing: when it returned,
another thread could still store through what its TLB had.
"""

from __future__ import annotations

from mmspec.kernels.changes import BATCHED_FLUSH_IS_NOT_MISSED
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import no_processor_can_store_where_the_VMA_forbids_it
from mmspec.scenarios.swapped import SCENARIO
from mmspec.spec.page.mprotect import change_pte_range
from mmspec.spec.page.rmap import try_to_unmap_flush

BUG = Bug(
    fixed=BATCHED_FLUSH_IS_NOT_MISSED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/protect/reclaim",),
    violates=no_processor_can_store_where_the_VMA_forbids_it,
    key_steps=(
        "reclaim: set_tlb_ubc_flush_pending: writes tlb_flush_batched",
        "reclaim: try_to_unmap_one: writes val",
        "protect: change_pte_range: reads val",
        "protect: up_write",
    ),
    steps=82,
    states=1_019,
    exhausted=1_997,
    reached=(try_to_unmap_flush, change_pte_range),
)
