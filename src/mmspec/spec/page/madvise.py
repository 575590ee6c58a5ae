"""MADV_FREE: what a range holds is not needed, until something is stored there (mm/madvise.c).

The kernel may drop what is there, or not; a load finds the old contents or zero. Here the contents
become zero at once, so that what is stored afterwards can be told.
"""

from __future__ import annotations

from mmspec.kernels.changes import MADV_FREE_UNLOCKS_WHAT_IT_HOLDS
from mmspec.lang import has, restates, u16, u32, unlocked
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    non_swap_entry,
    pmd_none,
    pmd_trans_huge,
    pte_dirty,
    pte_mkclean,
    pte_mkold,
    pte_none,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
    pte_young,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    PAGE_SIZE,
)
from mmspec.spec.page.filemap import trylock_page, unlock_page
from mmspec.spec.page.mm import (
    add_mm_counter,
    get_page,
    page_mapcount,
    page_to_pfn,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import MM_SWAPENTS, Mm, Page, Pmd, Pte, Vma
from mmspec.spec.page.mmu_gather import (
    MmuGather,
    tlb_finish_mmu,
    tlb_gather_mmu,
    tlb_remove_tlb_entry,
)
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_flags import (
    PageDirty,
    PageSwapCache,
    PageTransCompound,
    PG_dirty,
    clear_page_flags,
)
from mmspec.spec.page.pgtable import (
    forget,
    may_be_stale,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_table,
    pte_clear_not_present_full,
    pte_in,
    ptep_get_and_clear,
    set_pte_at,
    user_page,
)
from mmspec.spec.page.rmap import flush_tlb_batched_pending
from mmspec.spec.page.swap import mark_page_lazyfree, put_page
from mmspec.spec.page.swapfile import free_swap_and_cache, try_to_free_swap

# --------------------------------------------------------------- what loads must return (checking)


@unlocked
def may_read_as_zero(mm: Mm, address: u32, page: Page, nr: u16, cached: bool) -> None:
    """What a page or a huge page held may be zero from now on: here it is.

    cached: others may still store to it by translations that say that it is dirty. Until these are
    flushed such a store is not lost, unless the page is dropped.
    """
    k = user_page(address)
    for i in range(nr):
        (page + i).data = 0
        if cached:
            forget(mm, k + i, page_to_pfn(page) + i + 1)
            mm.moved[k + i] = k + i + 1
        else:
            forget(mm, k + i, 0)


@unlocked
def is_dropped(mm: Mm, address: u32, page: Page) -> None:
    """A page that MADV_FREE was applied to is dropped; and with it stores by such translations."""
    k = user_page(address)
    frame = page_to_pfn(page) + 1
    if may_be_stale(mm, k, frame):
        forget(mm, k, frame)


# ------------------------------------------------------------------------------------ MADV_FREE


@restates("mm/madvise.c", at="v4.14")
def madvise_free_pte(tlb: MmuGather, mm: Mm, address: u32, pte: Pte, page: Page) -> None:
    """A base page is not needed. Requires: the PTE's lock."""
    ptent = pte.val
    if PageSwapCache(page) or PageDirty(page):
        if not trylock_page(page):
            return
        # others need it: it stays dirty
        if page_mapcount(page) != 1:
            unlock_page(page)
            return
        if PageSwapCache(page) and not try_to_free_swap(page):
            unlock_page(page)
            return
        clear_page_flags(page, PG_dirty)
        unlock_page(page)
    if pte_young(ptent) or pte_dirty(ptent):
        ptent = ptep_get_and_clear(pte)
        may_read_as_zero(mm, address, page, 1, True)
        set_pte_at(pte, pte_mkclean(pte_mkold(ptent)))
        tlb_remove_tlb_entry(tlb, address)
    else:
        may_read_as_zero(mm, address, page, 1, False)
    mark_page_lazyfree(page)


@restates("mm/madvise.c", at="v4.14")
def madvise_free_pte_range(tlb: MmuGather, vma: Vma, pmd: Pmd, start: u32, end: u32) -> None:
    """MADV_FREE below one PMD."""
    mm = vma.vm_mm
    pmdval = pmd.val
    if pmd_trans_huge(pmdval) and madvise_free_huge_pmd(tlb, vma, pmd, start, end):
        return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        return
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    flush_tlb_batched_pending(mm)
    address = start
    while address != end:
        pte = pte_in(table, address)
        ptent = pte.val
        if pte_none(ptent):
            address += PAGE_SIZE
            continue
        if not pte_present(ptent):
            entry = pte_to_swp_entry(ptent)
            if not non_swap_entry(entry):
                # a new page of zeroes costs less than reading this one
                add_mm_counter(mm, MM_SWAPENTS, -1)
                free_swap_and_cache(entry)
                pte_clear_not_present_full(mm, address, pte)
            address += PAGE_SIZE
            continue
        page = pfn_to_page(pte_pfn(ptent))
        if PageTransCompound(page):
            # a huge page is split if it is ours alone
            if page_mapcount(page) != 1:
                break
            get_page(page)
            if not trylock_page(page):
                put_page(page)
                break
            spin_unlock(table.ptl)
            failed = split_huge_page(page)
            if failed:
                unlock_page(page)
                put_page(page)
                spin_lock(table.ptl)
                break
            # nothing else may have it any more: then it is freed
            if has(MADV_FREE_UNLOCKS_WHAT_IT_HOLDS):
                unlock_page(page)
                put_page(page)
            else:
                put_page(page)
                unlock_page(page)
            spin_lock(table.ptl)
            continue
        madvise_free_pte(tlb, mm, address, pte, page)
        address += PAGE_SIZE
    spin_unlock(table.ptl)


@restates("mm/madvise.c", at="v4.14")
def madvise_free_single_vma(vma: Vma, start: u32, end: u32) -> None:
    """MADV_FREE of a part of a VMA. Requires: mmap_sem for reading."""
    mm = vma.vm_mm
    tlb = MmuGather()
    tlb_gather_mmu(tlb, mm, False)
    mmu_notifier_invalidate_range_start(mm, start, end)
    address = start
    while address < end:
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, end)
        pmd = pmd_offset(mm, address)
        pmdval = pmd.val
        if not pmd_none(pmdval):
            madvise_free_pte_range(tlb, vma, pmd, address, following)
        address = following
    mmu_notifier_invalidate_range_end(mm, start, end)
    tlb_finish_mmu(tlb, start, end)


from mmspec.spec.page.huge_memory import (  # noqa: E402
    madvise_free_huge_pmd,
    split_huge_page,
)
