"""Collecting pages that are being unmapped, until no TLB has them (mm/memory.c at v4.14)."""

from __future__ import annotations

from mmspec.kernels.changes import HUGE_ZERO_PAGE_PER_MM
from mmspec.lang import NULL, Array, OnStack, has, pointers, restates, u16, u32
from mmspec.spec.machine.sizes import PTRS_PER_PMD, USER_PAGES
from mmspec.spec.page.huge_zero_page import is_huge_zero_page, put_huge_zero_page
from mmspec.spec.page.mm_types import Mm, Page, PageTable
from mmspec.spec.page.pgtable import flush_tlb_range, flushed, pte_free
from mmspec.spec.page.swap import put_page
from mmspec.spec.page.swap_state import free_swap_cache
from mmspec.spec.page.swapfile import total_swap_pages


class MmuGather(OnStack):
    """struct mmu_gather: pages and tables to be given up after the flush of start..end."""

    mm: Mm
    start: u32
    end: u32
    nr: u16 = 0
    pages: Array[Page] = pointers(USER_PAGES)
    tables: Array[PageTable] = pointers(PTRS_PER_PMD)


@restates("mm/memory.c", at="v4.14")
def tlb_remove_page(tlb: MmuGather, page: Page) -> None:
    """A page to be freed later; the batch has room for all of an address space."""
    tlb.pages[tlb.nr] = page
    tlb.nr += 1


@restates("mm/memory.c", at="v4.14")
def tlb_flush_mmu_tlbonly(tlb: MmuGather) -> None:
    """Flush what was unmapped."""
    flush_tlb_range(tlb.mm, tlb.start, tlb.end)
    flushed(tlb.mm, tlb.start, tlb.end)


@restates("mm/memory.c", at="v4.14")
def tlb_flush_mmu_free(tlb: MmuGather) -> None:
    """Drop the references of collected pages."""
    for k in range(USER_PAGES):
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
def tlb_finish_mmu(tlb: MmuGather) -> None:
    """Flush, then free."""
    tlb_flush_mmu_tlbonly(tlb)
    tlb_flush_mmu_free(tlb)
