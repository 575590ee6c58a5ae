"""Locking mappings: mlock(2) (mm/mlock.c). Omits: accounting and limits, parts of VMAs."""

from __future__ import annotations

from mmspec.kernels.changes import (
    MUNLOCK_COUNTS_CLEARED_PAGES,
    MUNLOCK_PASSES_TAILS,
)
from mmspec.lang import NULL, Array, OnStack, has, i16, pointers, restates, u16, u32
from mmspec.spec.machine.locks import down_write, spin_lock, spin_unlock, up_write
from mmspec.spec.machine.pgtable import pte_present
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    PAGE_SIZE,
    PTRS_PER_PTE,
    USER_BASE,
    USER_END,
)
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.gup import FOLL_DUMP, FOLL_GET, FollowedPage, __mm_populate, follow_page
from mmspec.spec.page.memory import vm_normal_page
from mmspec.spec.page.mlock import (
    __munlock_isolate_lru_page,
    __munlock_isolated_page,
    munlock_vma_page,
)
from mmspec.spec.page.mm import (
    get_page,
    mod_node_page_state,
    page_mapcount,
)
from mmspec.spec.page.mm_types import ENOMEM, NR_MLOCK, VM_LOCKED, Mm, Page, Vma, pgdat
from mmspec.spec.page.mmap import find_vma
from mmspec.spec.page.page_flags import (
    PageLRU,
    PageMlocked,
    PageTail,
    PageTransCompound,
    PageTransHuge,
    PG_mlocked,
    PG_unevictable,
    clear_page_flags,
    test_clear_page_flags,
)
from mmspec.spec.page.pgtable import pmd_offset, pmd_table, pte_in
from mmspec.spec.page.swap import lru_cache_add, put_page


class Pagevec(OnStack):
    """struct pagevec: pages to be treated together."""

    nr: u16 = 0
    pages: Array[Page] = pointers(PTRS_PER_PTE)


def pagevec_add(pvec: Pagevec, page: Page) -> None:
    """Put a page at the end."""
    pvec.pages[pvec.nr] = page
    pvec.nr += 1


@restates("mm/mlock.c", at="v4.14")
def __putback_lru_fast_prepare(page: Page, pvec: Pagevec) -> bool:
    """Whether nothing is left to look at: then the page can go back to the LRU with others."""
    assert not PageLRU(page), "VM_BUG_ON_PAGE(PageLRU(page))"
    if page_mapcount(page) <= 1 and not PageMlocked(page):
        pagevec_add(pvec, page)
        clear_page_flags(page, PG_unevictable)
        unlock_page(page)
        return True
    return False


@restates("mm/mlock.c", at="v4.14")
def __munlock_pagevec(pvec: Pagevec) -> None:
    """Base pages, each with a reference, leave a VM_LOCKED mapping; the references are dropped."""
    putback = Pagevec()
    delta_munlocked: i16 = -pvec.nr
    spin_lock(pgdat.lru_lock)
    for i in range(PTRS_PER_PTE):
        page = pvec.pages[i]
        if page:
            if test_clear_page_flags(page, PG_mlocked):
                if __munlock_isolate_lru_page(page, False):
                    continue
                # isolated by somebody else: not mlocked any more all the same
                if not has(MUNLOCK_COUNTS_CLEARED_PAGES):
                    delta_munlocked += 1
            else:
                delta_munlocked += 1
            pagevec_add(putback, page)
            pvec.pages[i] = NULL
    mod_node_page_state(NR_MLOCK, delta_munlocked)
    spin_unlock(pgdat.lru_lock)
    pagevec_release(putback)
    for i in range(PTRS_PER_PTE):
        page = pvec.pages[i]
        if page:
            lock_page(page)
            if not __putback_lru_fast_prepare(page, putback):
                # so that it is still there to be unlocked
                get_page(page)
                __munlock_isolated_page(page)
                unlock_page(page)
                put_page(page)
    for i in range(PTRS_PER_PTE):
        page = putback.pages[i]
        if page:
            lru_cache_add(page)
            put_page(page)


def pagevec_release(pvec: Pagevec) -> None:
    """Drop a reference on each page."""
    for i in range(PTRS_PER_PTE):
        page = pvec.pages[i]
        if page:
            pvec.pages[i] = NULL
            put_page(page)
    pvec.nr = 0


@restates("mm/mlock.c", at="v4.14")
def __munlock_pagevec_fill(pvec: Pagevec, vma: Vma, start: u32, end: u32) -> u32:
    """Add the base pages that follow the one at `start`; where the next one is. Omits: zones.

    Requires: mmap_sem for writing, so that the page table stays.
    """
    pmdval = pmd_offset(vma.vm_mm, start).val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    end = min(end, (start & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE)
    start += PAGE_SIZE
    while start < end:
        pteval = pte_in(table, start).val
        if not pte_present(pteval):
            break
        page = vm_normal_page(pteval)
        if not page:
            break
        if PageTransCompound(page):
            break
        get_page(page)
        start += PAGE_SIZE
        pagevec_add(pvec, page)
    spin_unlock(table.ptl)
    return start


@restates("mm/mlock.c", at="v4.14")
def munlock_vma_pages_range(vma: Vma, start: u32, end: u32) -> None:
    """A VMA is locked no more, and so none of its pages on its account.

    Requires: mmap_sem for writing.
    """
    vma.vm_flags &= ~VM_LOCKED
    found = FollowedPage()
    while start < end:
        page_mask: u16 = 0
        # nothing to unlock in the zero page
        follow_page(vma, start, FOLL_GET | FOLL_DUMP, found)
        page = found.page
        if page:
            if has(MUNLOCK_PASSES_TAILS) and PageTail(page):
                assert not PageMlocked(page), "VM_BUG_ON_PAGE(PageMlocked(page))"
                put_page(page)
            elif PageTransHuge(page):
                lock_page(page)
                # it may have been split by now
                page_mask = munlock_vma_page(page)
                unlock_page(page)
                put_page(page)
            else:
                pvec = Pagevec()
                pagevec_add(pvec, page)
                start = __munlock_pagevec_fill(pvec, vma, start, end)
                __munlock_pagevec(pvec)
                continue
        start += (1 + page_mask) * PAGE_SIZE


# ----------------------------------------------------------------------------- mlock(2), munlock(2)


@restates("mm/mlock.c", at="v4.14")
def mlock_fixup(vma: Vma, newflags: u32) -> None:
    """Lock or unlock a whole VMA. Requires: mmap_sem for writing."""
    if newflags == vma.vm_flags:
        return
    if newflags & VM_LOCKED:
        # who unmaps a page that is not yet marked does no harm: it will be faulted in again
        vma.vm_flags = newflags
    else:
        munlock_vma_pages_range(vma, vma.vm_start, vma.vm_end)


@restates("mm/mlock.c", at="v4.14")
def apply_vma_lock_flags(mm: Mm, start: u32, length: u32, flags: u32) -> int:
    """Lock or unlock the VMAs of a range. Requires: mmap_sem for writing."""
    end = start + length
    vma = find_vma(mm, start)
    if not vma or vma.vm_start > start:
        return -ENOMEM
    while True:
        mlock_fixup(vma, vma.vm_flags & ~VM_LOCKED | flags)
        start = vma.vm_end
        if start >= end:
            return 0
        vma = vma.vm_next
        if not vma or vma.vm_start != start:
            return -ENOMEM


@restates("mm/mlock.c", at="v4.14")
def do_mlock(mm: Mm, start: u32, length: u32) -> int:
    """mlock(2)."""
    down_write(mm.mmap_sem)
    error = apply_vma_lock_flags(mm, start, length, VM_LOCKED)
    up_write(mm.mmap_sem)
    if error:
        return error
    return __mm_populate(mm, start, length)


@restates("mm/mlock.c", at="v4.14")
def do_munlock(mm: Mm, start: u32, length: u32) -> int:
    """munlock(2)."""
    down_write(mm.mmap_sem)
    ret = apply_vma_lock_flags(mm, start, length, 0)
    up_write(mm.mmap_sem)
    return ret


@restates("mm/mlock.c", at="v4.14")
def apply_mlockall_flags(mm: Mm, flags: u32) -> None:
    """Lock or unlock all VMAs. Omits: MCL_FUTURE, MCL_ONFAULT. Requires: mmap_sem for writing."""
    vma = mm.mmap
    while vma:
        mlock_fixup(vma, vma.vm_flags & ~VM_LOCKED | flags)
        vma = vma.vm_next


@restates("mm/mlock.c", at="v4.14")
def do_mlockall(mm: Mm) -> None:
    """mlockall(2) with MCL_CURRENT. What cannot be faulted in is locked all the same."""
    down_write(mm.mmap_sem)
    apply_mlockall_flags(mm, VM_LOCKED)
    up_write(mm.mmap_sem)
    __mm_populate(mm, USER_BASE, USER_END - USER_BASE)


@restates("mm/mlock.c", at="v4.14")
def do_munlockall(mm: Mm) -> None:
    """munlockall(2)."""
    down_write(mm.mmap_sem)
    apply_mlockall_flags(mm, 0)
    up_write(mm.mmap_sem)
