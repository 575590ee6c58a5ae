"""Following a user address to its page (mm/gup.c)."""

from __future__ import annotations

from mmspec.lang import NULL, OnStack, restates, u8, u32
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    pmd_bad,
    pmd_none,
    pmd_present,
    pmd_trans_huge,
    pmd_write,
    pte_pfn,
    pte_present,
    pte_write,
)
from mmspec.spec.machine.sizes import HPAGE_PMD_MASK, PAGE_SHIFT, PAGE_SIZE
from mmspec.spec.page.filemap import lock_page, trylock_page, unlock_page
from mmspec.spec.page.huge_memory import FAULT_FLAG_WRITE, VM_FAULT_OOM, split_huge_page
from mmspec.spec.page.memory import handle_mm_fault
from mmspec.spec.page.mlock import mlock_vma_page
from mmspec.spec.page.mm import compound_mapcount, get_page, pfn_to_page
from mmspec.spec.page.mm_types import ENOMEM, VM_LOCKED, Page, Pmd, Vma
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageCompound,
    PageDoubleMap,
    PageHead,
    PageTransCompound,
)
from mmspec.spec.page.pgtable import pmd_lock, pmd_offset, pmd_page, pmd_table, pte_in
from mmspec.spec.page.swap import put_page

FOLL_WRITE, FOLL_GET, FOLL_SPLIT, FOLL_MLOCK = 0x01, 0x04, 0x80, 0x40


class FollowedPage(OnStack):
    """Where follow_page() leaves the page; what it returns is 0 or the error of ERR_PTR()."""

    page: Page = NULL


def _split_followed(page: Page) -> int:
    """Split a huge page on which the caller has a reference, and drop that."""
    lock_page(page)
    ret = split_huge_page(page)
    unlock_page(page)
    put_page(page)
    return ret


@restates("mm/gup.c", at="v4.14")
def follow_page_pte(vma: Vma, address: u32, pmd: Pmd, flags: u8, found: FollowedPage) -> int:
    """The page of a PTE. Omits: the zero page, device memory, FOLL_MIGRATION, FOLL_NUMA."""
    while True:
        pmdval = pmd.val
        if pmd_bad(pmdval):
            return 0
        table = pmd_table(pmdval)
        pte = pte_in(table, address)
        spin_lock(table.ptl)
        pteval = pte.val
        if not pte_present(pteval) or (flags & FOLL_WRITE and not pte_write(pteval)):
            spin_unlock(table.ptl)
            return 0
        page = pfn_to_page(pte_pfn(pteval))
        if not (flags & FOLL_SPLIT and PageTransCompound(page)):
            break
        get_page(page)
        spin_unlock(table.ptl)
        ret = _split_followed(page)
        if ret:
            return ret
    if flags & FOLL_GET:
        get_page(page)
    # huge pages mapped by PTEs are never mlocked
    if flags & FOLL_MLOCK and vma.vm_flags & VM_LOCKED and not PageTransCompound(page):
        if trylock_page(page):
            mlock_vma_page(page)
            unlock_page(page)
    spin_unlock(table.ptl)
    found.page = page
    return 0


@restates("mm/huge_memory.c", at="v4.14")
def follow_trans_huge_pmd(vma: Vma, address: u32, pmd: Pmd, flags: u8, found: FollowedPage) -> None:
    """The subpage of a huge PMD. Requires: the PMD's lock."""
    pmdval = pmd.val
    if flags & FOLL_WRITE and not pmd_write(pmdval):
        return
    page = pmd_page(pmdval)
    assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    if flags & FOLL_MLOCK and vma.vm_flags & VM_LOCKED:
        # nobody else may map it: others would have a page mlocked that they did not lock
        if PageAnon(page) and compound_mapcount(page) == 1 and not PageDoubleMap(page):
            if trylock_page(page):
                if not PageDoubleMap(page):
                    mlock_vma_page(page)
                unlock_page(page)
    page = page + ((address & ~HPAGE_PMD_MASK) >> PAGE_SHIFT)
    assert PageCompound(page), "VM_BUG_ON_PAGE(!PageCompound(page))"
    if flags & FOLL_GET:
        get_page(page)
    found.page = page


@restates("mm/gup.c", at="v4.14")
def follow_page(vma: Vma, address: u32, flags: u8, found: FollowedPage) -> int:
    """The page at an address, or none: a migration entry is not waited for. With FOLL_SPLIT a base
    page. Restates follow_pmd_mask() as well. Requires: mmap_sem.
    """
    found.page = NULL
    pmd = pmd_offset(vma.vm_mm, address)
    pmdval = pmd.val
    if pmd_none(pmdval) or not pmd_present(pmdval):
        return 0
    if not pmd_trans_huge(pmdval):
        return follow_page_pte(vma, address, pmd, flags, found)
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    if not pmd_present(pmdval):
        spin_unlock(ptl)
        return 0
    if not pmd_trans_huge(pmdval):
        spin_unlock(ptl)
        return follow_page_pte(vma, address, pmd, flags, found)
    if flags & FOLL_SPLIT:
        page = pmd_page(pmdval)
        get_page(page)
        spin_unlock(ptl)
        ret = _split_followed(page)
        pmdval = pmd.val
        if pmd_none(pmdval):
            return 0
        if ret:
            return ret
        return follow_page_pte(vma, address, pmd, flags, found)
    follow_trans_huge_pmd(vma, address, pmd, flags, found)
    spin_unlock(ptl)
    return 0


@restates("mm/gup.c", at="v4.14")
def populate_vma_page_range(vma: Vma, start: u32, end: u32) -> int:
    """Fault a VM_LOCKED mapping in, and mark its pages. Requires: mmap_sem."""
    found = FollowedPage()
    address = start
    while address < end:
        follow_page(vma, address, FOLL_WRITE | FOLL_MLOCK, found)
        if found.page:
            address += PAGE_SIZE
        elif handle_mm_fault(vma, address, FAULT_FLAG_WRITE) & VM_FAULT_OOM:
            return -ENOMEM
    return 0
