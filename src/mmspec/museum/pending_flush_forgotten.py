"""Of two who change protections at the same time, one forgets that the other has not flushed.

That a flush was pending was noted in one bit of the address space. Two threads can scan it for NUMA
balancing at once, with mmap_sem for reading: the first to end cleared the bit. Who moved a page
then did not flush, although a processor could still write to the old one. Now they are counted.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PENDING_FLUSHES_ARE_COUNTED,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=PENDING_FLUSHES_ARE_COUNTED,
    kernel=v4_10_fixed,
    scenario=SCENARIO,
    cases=("crowd_of_four/write/use/scan/scan",),
    violates=no_store_is_lost,
    key_steps=(
        "scan: inc_tlb_flush_pending",
        "scan: change_huge_pmd",
        "scan: dec_tlb_flush_pending",
        "use: mm_tlb_flush_pending",
        "use: copy_highpage",
        "write: cpu_store",
    ),
    steps=80,
    states=81_988,
    exhausted=310_193,
    reached=(
        change_huge_pmd,
        migrate_misplaced_transhuge_page,
    ),
)
