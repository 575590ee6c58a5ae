"""Collecting pages that are being unmapped, until no TLB has them (mm/memory.c at v4.14)."""

from __future__ import annotations

from mmspec.kernels.changes import HUGE_ZERO_PAGE_PER_MM, PARALLEL_ZAPS_FLUSH
from mmspec.lang import NULL, Array, OnStack, has, pointers, restates, u16, u32
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_SIZE,
    MMU_GATHER_BATCH,
    PAGE_SIZE,
    PTRS_PER_PMD,
    USER_BASE,
    USER_END,
)
from mmspec.spec.page.huge_zero_page import is_huge_zero_page, put_huge_zero_page
from mmspec.spec.page.mm_types import Mm, Page, PageTable
from mmspec.spec.page.pgtable import (
    dec_tlb_flush_pending,
    flush_tlb_mm,
    flush_tlb_range,
    inc_tlb_flush_pending,
    mm_tlb_flush_nested,
    pmd_index,
    pte_free,
)
from mmspec.spec.page.swap import put_page
from mmspec.spec.page.swap_state import free_swap_cache
from mmspec.spec.page.swapfile import total_swap_pages


class MmuGather(OnStack):
    """struct mmu_gather: pages and tables to be given up after the flush of start..end.

    With end at 0 there is nothing to be flushed. There is no memory for a second batch of pages.
    """

    mm: Mm = NULL
    start: u32 = 0
    end: u32 = 0
    fullmm: bool = False
    nr: u16 = 0
    pages: Array[Page] = pointers(MMU_GATHER_BATCH)
    tables: Array[PageTable] = pointers(PTRS_PER_PMD)


@restates("include/asm-generic/tlb.h", at="v4.14")
def __tlb_adjust_range(tlb: MmuGather, address: u32, range_size: u32) -> None:
    """These addresses are to be flushed as well."""
    tlb.start = min(tlb.start, address)
    tlb.end = max(tlb.end, address + range_size)


@restates("include/asm-generic/tlb.h", at="v4.14")
def __tlb_reset_range(tlb: MmuGather) -> None:
    """Nothing is to be flushed; or always everything."""
    if tlb.fullmm:
        tlb.start = USER_BASE
        tlb.end = USER_END
    else:
        tlb.start = USER_END
        tlb.end = 0


@restates("mm/memory.c", at="v4.14")
def tlb_gather_mmu(tlb: MmuGather, mm: Mm, fullmm: bool) -> None:
    """Begin. fullmm: the address space is being taken down."""
    tlb.mm = mm
    tlb.fullmm = fullmm
    __tlb_reset_range(tlb)
    if has(PARALLEL_ZAPS_FLUSH):
        inc_tlb_flush_pending(mm)


@restates("include/asm-generic/tlb.h", at="v4.14")
def tlb_remove_tlb_entry(tlb: MmuGather, address: u32) -> None:
    """A PTE was cleared."""
    __tlb_adjust_range(tlb, address, PAGE_SIZE)


@restates("include/asm-generic/tlb.h", at="v4.14")
def tlb_remove_pmd_tlb_entry(tlb: MmuGather, address: u32) -> None:
    """A huge PMD was cleared."""
    __tlb_adjust_range(tlb, address, HPAGE_PMD_SIZE)


@restates("mm/memory.c", at="v4.14")
def __tlb_remove_page(tlb: MmuGather, page: Page) -> bool:
    """A page to be freed later; whether the batch is full, and has to be flushed."""
    assert tlb.end != 0, "VM_BUG_ON(!tlb->end)"
    tlb.pages[tlb.nr] = page
    tlb.nr += 1
    return tlb.nr == MMU_GATHER_BATCH


@restates("include/asm-generic/tlb.h", at="v4.14")
def tlb_remove_page(tlb: MmuGather, page: Page) -> None:
    """The same; if the batch is full, flush and free."""
    if __tlb_remove_page(tlb, page):
        tlb_flush_mmu(tlb)


@restates("include/asm-generic/tlb.h", at="v4.14")
def pte_free_tlb(tlb: MmuGather, table: PageTable, address: u32) -> None:
    """A page table to be freed later. It takes no room of the batch."""
    __tlb_adjust_range(tlb, address, PAGE_SIZE)
    tlb.tables[pmd_index(address)] = table


@restates("mm/memory.c", at="v4.14")
def tlb_flush_mmu_tlbonly(tlb: MmuGather) -> None:
    """Flush what was unmapped."""
    if not tlb.end:
        return
    if tlb.fullmm:
        flush_tlb_mm(tlb.mm)
    else:
        flush_tlb_range(tlb.mm, tlb.start, tlb.end)
    __tlb_reset_range(tlb)


@restates("mm/memory.c", at="v4.14")
def tlb_flush_mmu_free(tlb: MmuGather) -> None:
    """Drop the references of collected pages."""
    for k in range(MMU_GATHER_BATCH):
        page = tlb.pages[k]
        if page:
            tlb.pages[k] = NULL
            if is_huge_zero_page(page):
                if not has(HUGE_ZERO_PAGE_PER_MM):
                    put_huge_zero_page()
                continue
            if total_swap_pages():
                free_swap_cache(page)
            put_page(page)
    tlb.nr = 0
    for k in range(PTRS_PER_PMD):
        table = tlb.tables[k]
        if table:
            tlb.tables[k] = NULL
            pte_free(table)


@restates("mm/memory.c", at="v4.14")
def tlb_flush_mmu(tlb: MmuGather) -> None:
    """Flush, then free."""
    tlb_flush_mmu_tlbonly(tlb)
    tlb_flush_mmu_free(tlb)


@restates("mm/memory.c", at="v4.14")
def tlb_finish_mmu(tlb: MmuGather, start: u32, end: u32) -> None:
    """Flush and free what is left.

    What somebody else cleared at the same time, and has not flushed yet, looked empty here: if
    there is somebody else, all of the range is flushed.
    """
    if has(PARALLEL_ZAPS_FLUSH) and mm_tlb_flush_nested(tlb.mm):
        __tlb_adjust_range(tlb, start, end - start)
    tlb_flush_mmu(tlb)
    if has(PARALLEL_ZAPS_FLUSH):
        dec_tlb_flush_pending(tlb.mm)
