"""Pages that two page tables map are unmapped one after the other, and flushes are put off."""

from __future__ import annotations

from mmspec.lang import Config, derived
from mmspec.properties.marks import no_processor_can_store_where_the_VMA_forbids_it
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.swapped import reclaim
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.mm_types import VM_READ
from mmspec.spec.page.mprotect import change_pte_range
from mmspec.spec.page.rmap import try_to_unmap_flush
from mmspec.spec.page.syscalls import boot, kswapd, load, mark_idle, mmap, mprotect, share_mm, store

FIRST: int = derived(lambda: HPAGE_PMD_SIZE - PAGE_SIZE)

# ------------------------------------------------------------------------------------- set-ups


def apart() -> None:
    """Two base pages in two page tables, one of them in the swap file, of three threads."""
    boot()
    mmap(USER_BASE + FIRST, 2 * PAGE_SIZE)
    share_mm(1)
    share_mm(2)
    store(USER_BASE + FIRST, 1)
    mark_idle()
    kswapd()
    store(USER_BASE + HPAGE_PMD_SIZE, 2)
    mark_idle()


# --------------------------------------------------------------------------------------- tasks


def protect() -> None:
    """mprotect(2): from now on both can only be read."""
    mprotect(USER_BASE + FIRST, 2 * PAGE_SIZE, VM_READ)


def use() -> None:
    """Load from the second page: its translation is cached, as one that may be stored to."""
    load(USER_BASE + HPAGE_PMD_SIZE)


SCENARIO = Scenario(
    name="swapped_apart",
    title="a page is swapped out while two page tables are made read-only",
    cases=(
        *crossed((apart,), (protect,), (reclaim,)),
        Case("apart/protect/use/reclaim", apart, (protect, use, reclaim)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=2, frames=16, tasks=3, mms=1, vmas=1, pmds=2, tables=4, swap_slots=4, avcs=2
    ),
    witnesses=(
        Witness("flushes that were put off are done", try_to_unmap_flush),
        Witness("the protection of PTEs is changed", change_pte_range),
    ),
    explanation=__doc__,
    also=(no_processor_can_store_where_the_VMA_forbids_it,),
)
