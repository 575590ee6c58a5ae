"""Finding a page in one VMA's page tables (mm/page_vma_mapped.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    FREEZE_IN_ONE_CALL,
    SPLIT_WAITS_FOR_ZAP,
    THP_MIGRATION,
    WALK_GOES_ON_AFTER_NO_TABLE,
    WALK_SYNC_LOCKS_EVERY_PTE,
)
from mmspec.kernels.drafts import WALK_MATCHES_ANY_PMD, WALK_REUSES_FIRST_PMD
from mmspec.lang import NULL, OnStack, commuting, has, restates, u8, u32, u64
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    is_migration_entry,
    is_pmd_migration_entry,
    is_swap_pte,
    pmd_present,
    pmd_trans_huge,
    pte_none,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
)
from mmspec.spec.machine.sizes import HPAGE_PMD_MASK, HPAGE_PMD_SIZE, PAGE_SHIFT, PAGE_SIZE
from mmspec.spec.page.mm import hpage_nr_pages, page_to_pfn, page_to_pgoff
from mmspec.spec.page.mm_types import Page, Pmd, Pte, Vma
from mmspec.spec.page.page_flags import PageTransCompound, PageTransHuge
from mmspec.spec.page.pgtable import (
    pmd_lockptr,
    pmd_offset,
    pmd_page_is,
    pmd_table,
    pte_in,
    pte_lockptr,
)
from mmspec.spec.page.swapops import migration_entry_to_pfn

PVMW_SYNC = 1
PVMW_MIGRATION = 2


class PageVmaMappedWalk(OnStack):
    """struct page_vma_mapped_walk: where a walk stands.

    Found with `pte` set: a PTE. Found with only `pmd` set: the page is mapped by a huge PMD, or the
    PMD is a migration entry for it. `ptl` is the lock that is held.
    """

    page: Page
    vma: Vma
    address: u32
    flags: u8 = 0
    pmd: Pmd = NULL
    pte: Pte = NULL
    ptl: SpinLock = NULL


@restates("mm/internal.h", at="v4.14")
def __vma_address(page: Page, vma: Vma) -> u32:
    """Where in the VMA the page would be mapped."""
    pgoff = page_to_pgoff(page)
    return vma.vm_start + ((pgoff - vma.vm_pgoff) << PAGE_SHIFT)


@restates("mm/internal.h", at="v4.14")
def vma_address(page: Page, vma: Vma) -> u32:
    """The same, but not before the VMA's start."""
    start = __vma_address(page, vma)
    _assert_in_vma(page, vma, start)
    return max(start, vma.vm_start)


@commuting
def _assert_in_vma(page: Page, vma: Vma, start: u32) -> None:
    """Requires: page lock, so that the page is huge or is not: one step, which nobody notices."""
    # before walks each page was visited for itself
    nr = hpage_nr_pages(page) if has(FREEZE_IN_ONE_CALL) else 1
    end = start + (nr - 1) * PAGE_SIZE
    assert end >= vma.vm_start and start < vma.vm_end, (
        "VM_BUG_ON_VMA(end < vma->vm_start || start >= vma->vm_end)"
    )


@restates("include/linux/rmap.h", at="v4.14")
def page_vma_mapped_walk_done(pvmw: PageVmaMappedWalk) -> None:
    """End a walk before it ends by itself."""
    if pvmw.ptl:
        spin_unlock(pvmw.ptl)


@restates("include/linux/rmap.h", at="v6.15")
def page_vma_mapped_walk_restart(pvmw: PageVmaMappedWalk) -> None:
    """Look at the PMD again: it is a page table now."""
    spin_unlock(pvmw.ptl)
    pvmw.ptl = NULL
    pvmw.pmd = NULL


@restates("mm/page_vma_mapped.c", at="v4.14")
def map_pte(pvmw: PageVmaMappedWalk, pmde: u64) -> bool:
    """Go to the first PTE; take its lock unless a look without it says that nothing is there."""
    pvmw.pte = pte_in(pmd_table(pmde), pvmw.address)
    if not pvmw.flags & PVMW_SYNC:
        pteval = pvmw.pte.val
        if pvmw.flags & PVMW_MIGRATION:
            if not is_swap_pte(pteval):
                return False
        elif not pte_present(pteval):
            return False
    pvmw.ptl = pte_lockptr(pvmw.pte)
    spin_lock(pvmw.ptl)
    return True


@restates("mm/page_vma_mapped.c", at="v4.14")
def check_pte(pvmw: PageVmaMappedWalk) -> bool:
    """Whether the PTE is what the walk looks for. Its lock is held."""
    pteval = pvmw.pte.val
    if pvmw.flags & PVMW_MIGRATION:
        if not is_swap_pte(pteval):
            return False
        entry = pte_to_swp_entry(pteval)
        if not is_migration_entry(entry):
            return False
        pfn = migration_entry_to_pfn(entry)
    else:
        if not pte_present(pteval):
            return False
        pfn = pte_pfn(pteval)
    first = page_to_pfn(pvmw.page)
    # a huge page can be mapped by any of its subpages
    nr = hpage_nr_pages(pvmw.page)
    return first <= pfn and pfn < first + nr


#: How a walk goes on: it has ended, it has found something, look at this PTE, go to the next, look
#: for the next table.
NOT_FOUND, FOUND, CHECK, NEXT, RESTART = 0, 1, 2, 3, 4


def _check_pmd(pvmw: PageVmaMappedWalk) -> u8:
    """Look again at a PMD that seemed huge, under its lock; NEXT: it is a page table by now."""
    pvmw.ptl = pmd_lockptr(pvmw.pmd)
    spin_lock(pvmw.ptl)
    pmde = pvmw.pmd.val
    if pmd_trans_huge(pmde):
        if pvmw.flags & PVMW_MIGRATION:
            return NOT_FOUND
        if not pmd_page_is(pmde, pvmw.page) and not has(WALK_MATCHES_ANY_PMD):
            return NOT_FOUND
        return FOUND
    if not pmd_present(pmde):
        if has(THP_MIGRATION) and pvmw.flags & PVMW_MIGRATION:
            entry = pte_to_swp_entry(pmde)
            if is_migration_entry(entry):
                if migration_entry_to_pfn(entry) == page_to_pfn(pvmw.page):
                    return FOUND
        return NOT_FOUND
    spin_unlock(pvmw.ptl)
    pvmw.ptl = NULL
    return NEXT


def _end(pvmw: PageVmaMappedWalk) -> u32:
    """Where the page would end."""
    nr = hpage_nr_pages(pvmw.page)
    return __vma_address(pvmw.page, pvmw.vma) + nr * PAGE_SIZE


def _enter(pvmw: PageVmaMappedWalk) -> u8:
    """Begin at the PMD for the address: label `restart` of the original."""
    pvmw.pmd = pmd_offset(pvmw.vma.vm_mm, pvmw.address)
    pmde = pvmw.pmd.val
    if pmd_trans_huge(pmde) or (has(THP_MIGRATION) and is_pmd_migration_entry(pmde)):
        found = _check_pmd(pvmw)
        if found != NEXT:
            if found == NOT_FOUND:
                page_vma_mapped_walk_done(pvmw)
            return found
        pmde = pvmw.pmd.val
    elif not pmd_present(pmde) and not has(WALK_REUSES_FIRST_PMD):
        if has(SPLIT_WAITS_FOR_ZAP) and pvmw.flags & PVMW_SYNC and PageTransCompound(pvmw.page):
            # whoever cleared the PMD may not have dropped the mapcount yet: wait for it
            ptl = pmd_lockptr(pvmw.pmd)
            spin_lock(ptl)
            spin_unlock(ptl)
        # a huge page may begin where there is no table, and go on in the next one
        if has(WALK_GOES_ON_AFTER_NO_TABLE) and pvmw.address & (HPAGE_PMD_SIZE - 1) != 0:
            if PageTransHuge(pvmw.page):
                pvmw.address = (pvmw.address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE
                last = _end(pvmw)
                if pvmw.address < pvmw.vma.vm_end and pvmw.address < last:
                    return RESTART
        return NOT_FOUND
    if has(WALK_REUSES_FIRST_PMD):
        # what is looked at is what is there now, what is used is what was there at first
        again = pvmw.pmd.val
        if not pmd_present(again) or pmd_trans_huge(again):
            return NOT_FOUND
    if map_pte(pvmw, pmde):
        return CHECK
    return NEXT


def _seek(pvmw: PageVmaMappedWalk) -> u8:
    """Go to the next PTE that is not none: label `next_pte` of the original."""
    # to look at more than one PTE makes sense only for a huge page
    if not PageTransHuge(pvmw.page):
        page_vma_mapped_walk_done(pvmw)
        return NOT_FOUND
    last = _end(pvmw)
    while True:
        pvmw.address += PAGE_SIZE
        if pvmw.address >= pvmw.vma.vm_end or pvmw.address >= last:
            page_vma_mapped_walk_done(pvmw)
            return NOT_FOUND
        if pvmw.address & (HPAGE_PMD_SIZE - 1) == 0:
            # into the next page table
            if pvmw.ptl:
                spin_unlock(pvmw.ptl)
                pvmw.ptl = NULL
            pvmw.pte = NULL
            return _enter(pvmw)
        pvmw.pte = pvmw.pte + 1
        if has(WALK_SYNC_LOCKS_EVERY_PTE) and pvmw.flags & PVMW_SYNC and not pvmw.ptl:
            pvmw.ptl = pte_lockptr(pvmw.pte)
            spin_lock(pvmw.ptl)
        pteval = pvmw.pte.val
        if not pte_none(pteval):
            break
    if not pvmw.ptl:
        pvmw.ptl = pte_lockptr(pvmw.pte)
        spin_lock(pvmw.ptl)
    return CHECK


@restates("mm/page_vma_mapped.c", at="v4.14")
def page_vma_mapped_walk(pvmw: PageVmaMappedWalk) -> bool:
    """Find the next place where the VMA maps the page; True with the lock held, False without.

    Looks without locks first: a PMD or PTE that holds nothing is passed by, even if somebody is
    just removing what it held.
    """
    if pvmw.pmd and not pvmw.pte:
        # a page is mapped by at most one PMD in a VMA
        page_vma_mapped_walk_done(pvmw)
        return False
    step = NEXT
    if not pvmw.pte:
        step = _enter(pvmw)
    while True:
        if step == NOT_FOUND:
            return False
        if step == FOUND:
            return True
        if step == CHECK and check_pte(pvmw):
            return True
        if step == RESTART:
            step = _enter(pvmw)
        else:
            step = _seek(pvmw)


@restates("include/linux/rmap.h", at="v4.10")
def page_check_address(
    page: Page, vma: Vma, address: u32, pvmw: PageVmaMappedWalk, sync: bool
) -> bool:
    """Find this very page's PTE, before there were walks; True with the lock held.

    A huge PMD, or anything that is not a page table, is not found. With `sync`, no look without
    the lock decides.
    """
    pvmw.pmd = pmd_offset(vma.vm_mm, address)
    pmde = pvmw.pmd.val
    if not pmd_present(pmde) or pmd_trans_huge(pmde):
        if sync:
            ptl = pmd_lockptr(pvmw.pmd)
            spin_lock(ptl)
            spin_unlock(ptl)
        return False
    pvmw.pte = pte_in(pmd_table(pmde), address)
    if not sync:
        pteval = pvmw.pte.val
        if not pte_present(pteval):
            return False
    pvmw.ptl = pte_lockptr(pvmw.pte)
    spin_lock(pvmw.ptl)
    pteval = pvmw.pte.val
    if pte_present(pteval) and pte_pfn(pteval) == page_to_pfn(page):
        return True
    spin_unlock(pvmw.ptl)
    return False


@restates("mm/page_vma_mapped.c", at="v4.14")
def page_mapped_in_vma(page: Page, vma: Vma) -> bool:
    """Whether a VMA maps the page."""
    start = __vma_address(page, vma)
    end = start + (hpage_nr_pages(page) - 1) * PAGE_SIZE
    if end < vma.vm_start or start >= vma.vm_end:
        return False
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=max(start, vma.vm_start))
    pvmw.flags = PVMW_SYNC
    if not page_vma_mapped_walk(pvmw):
        return False
    page_vma_mapped_walk_done(pvmw)
    return True
