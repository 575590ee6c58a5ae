"""A flush that was put off is forgotten, because another one has just been done.

That flushes are pending was one mark for an address space, and whoever did them held the lock of
one page table. What reclaim unmapped in another one between the flush and the clearing of the mark
was not flushed, and nobody knew any more: mprotect() went on to the second table, found a swap
entry, and returned while a thread could still store.
"""

from __future__ import annotations

from mmspec.kernels.changes import BATCHED_FLUSHES_COUNTED
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import no_processor_can_store_where_the_VMA_forbids_it
from mmspec.scenarios.swapped_apart import SCENARIO
from mmspec.spec.page.mprotect import change_pte_range
from mmspec.spec.page.rmap import try_to_unmap_flush

BUG = Bug(
    fixed=BATCHED_FLUSHES_COUNTED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("apart/protect/use/reclaim",),
    violates=no_processor_can_store_where_the_VMA_forbids_it,
    key_steps=(
        "protect: flush_tlb_mm",
        "use: cpu_load",
        "reclaim: set_tlb_ubc_flush_pending: writes tlb_flush_batched",
        "protect: flush_tlb_batched_pending: writes tlb_flush_batched",
        "protect: up_write",
    ),
    steps=91,
    states=8_459,
    exhausted=28_508,
    reached=(change_pte_range, try_to_unmap_flush),
)
