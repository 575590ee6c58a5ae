"""A huge page that has been swapped out is freed before the TLBs have forgotten it.

Reclaim puts off flushes until pages are to be written or freed. Base pages waited on a list for the
flush at the end; a huge page was given straight back. That matters if it need not be written, or
was unmapped by entries that were clean: the dirty bit may have moved to the page when its PMD was
split. A thread that had read from it went on reading what was by then somebody else's.
Noted as such only years later: batches of folios (v6.9) ended it on the way.
"""

from __future__ import annotations

from mmspec.kernels.changes import THP_FREED_AFTER_FLUSH
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_freed_page_through_its_TLB
from mmspec.scenarios.swapped_whole import SCENARIO
from mmspec.spec.page.rmap import try_to_unmap_flush
from mmspec.spec.page.swap import free_transhuge_page

BUG = Bug(
    fixed=THP_FREED_AFTER_FLUSH,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("whole/reclaim/read",),
    violates=no_processor_reaches_a_freed_page_through_its_TLB,
    key_steps=(
        "reclaim: __split_huge_pmd_locked: writes val",
        "read: cpu_load: writes val",
        "reclaim: set_tlb_ubc_flush_pending: writes flush_required",
        "reclaim: free_transhuge_page",
    ),
    steps=306,
    states=6_183,
    exhausted=7_141,
    reached=(free_transhuge_page, try_to_unmap_flush),
)
