"""Dropping the last reference, and the LRU (mm/swap.c, mm/vmscan.c).

Pages enter the LRU at once: there are no per-CPU batches, which would hold references for a while.
The lists themselves are not kept, only who is on one.
"""

from __future__ import annotations

from mmspec.kernels.changes import LAZYFREE_NOT_IN_SWAP_CACHE
from mmspec.lang import has, restates
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.sizes import HPAGE_PMD_ORDER
from mmspec.spec.page.deferred_list import list_del, list_empty, page_deferred_list
from mmspec.spec.page.mm import (
    get_page,
    hpage_nr_pages,
    mod_node_page_state,
    page_count,
    put_page_testzero,
)
from mmspec.spec.page.mm_types import EBUSY, NR_MLOCK, VM_LOCKED, Page, Vma, pgdat
from mmspec.spec.page.page_alloc import free_pages_ok
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageCompound,
    PageLRU,
    PageMlocked,
    PageSwapBacked,
    PageSwapCache,
    PageUnevictable,
    PG_active,
    PG_lru,
    PG_mlocked,
    PG_referenced,
    PG_swapbacked,
    PG_unevictable,
    clear_page_flags,
    compound_head,
    set_page_flags,
    test_set_page_flags,
)


@restates("mm/swap.c", at="v4.14")
def __page_cache_release(page: Page) -> None:
    """Take a page that nobody refers to any more off the LRU."""
    if PageLRU(page):
        spin_lock(pgdat.lru_lock)
        assert PageLRU(page), "VM_BUG_ON_PAGE(!PageLRU(page))"
        clear_page_flags(page, PG_lru | PG_active | PG_unevictable)
        spin_unlock(pgdat.lru_lock)


@restates("mm/huge_memory.c", at="v4.14")
def free_transhuge_page(page: Page) -> None:
    """The destructor of a huge page: it leaves the deferred list."""
    spin_lock(pgdat.split_queue_lock)
    if not list_empty(page_deferred_list(page)):
        pgdat.split_queue_len -= 1
        list_del(page_deferred_list(page))
    spin_unlock(pgdat.split_queue_lock)
    free_pages_ok(page, HPAGE_PMD_ORDER)


@restates("mm/swap.c", at="v4.14")
def __put_page(page: Page) -> None:
    """The last reference is gone: free the page."""
    if PageCompound(page):
        __page_cache_release(page)
        free_transhuge_page(page)
    else:
        __page_cache_release(page)
        free_pages_ok(page, 0)


@restates("include/linux/mm.h", at="v4.14")
def put_page(page: Page) -> None:
    """Drop a reference; free the page if it was the last."""
    head = compound_head(page)
    if put_page_testzero(head):
        __put_page(head)


@restates("mm/swap.c", at="v4.14")
def mark_page_accessed(page: Page) -> None:
    """The page is used. Omits: that a page used twice becomes active."""
    set_page_flags(page, PG_referenced)


@restates("mm/swap.c", at="v4.14")
def lru_cache_add(page: Page) -> None:
    """Put a page on the LRU."""
    spin_lock(pgdat.lru_lock)
    assert not PageLRU(page), "VM_BUG_ON_PAGE(PageLRU(page))"
    set_page_flags(page, PG_lru)
    spin_unlock(pgdat.lru_lock)


@restates("mm/swap.c", at="v4.14")
def lru_cache_add_active_or_unevictable(page: Page, vma: Vma) -> None:
    """Put a new page on the LRU; in a VM_LOCKED mapping it is mlocked from the start.

    Omits: PG_active, since nothing here depends on a page's age.
    """
    if vma.vm_flags & VM_LOCKED:
        if not test_set_page_flags(page, PG_mlocked):
            mod_node_page_state(NR_MLOCK, hpage_nr_pages(page))
        set_page_flags(page, PG_unevictable)
    lru_cache_add(page)


@restates("mm/swap.c", at="v4.14")
def may_be_lazyfree(page: Page) -> bool:
    """Whether a page is one that reclaim would swap out, and has not begun to."""
    if not (PageLRU(page) and PageAnon(page) and PageSwapBacked(page)):
        return False
    if has(LAZYFREE_NOT_IN_SWAP_CACHE) and PageSwapCache(page):
        return False
    return not PageUnevictable(page)


@restates("mm/swap.c", at="v4.14")
def mark_page_lazyfree(page: Page) -> None:
    """The page can be dropped instead of swapped out, as long as nobody writes to it.

    Restates lru_lazyfree_fn(), which comes at once here.
    """
    if not may_be_lazyfree(page):
        return
    get_page(page)
    spin_lock(pgdat.lru_lock)
    if may_be_lazyfree(page):
        clear_page_flags(page, PG_active | PG_referenced | PG_swapbacked)
    spin_unlock(pgdat.lru_lock)
    put_page(page)


@restates("mm/vmscan.c", at="v4.14")
def isolate_lru_page(page: Page) -> int:
    """Take a page off the LRU, with a reference for whoever takes it; -EBUSY if not on it."""
    assert page_count(page) != 0, "VM_BUG_ON_PAGE(!page_count(page))"
    ret = -EBUSY
    if PageLRU(page):
        spin_lock(pgdat.lru_lock)
        if PageLRU(page):
            get_page(page)
            clear_page_flags(page, PG_lru)
            ret = 0
        spin_unlock(pgdat.lru_lock)
    return ret


@restates("mm/vmscan.c", at="v4.14")
def putback_lru_page(page: Page) -> None:
    """Give an isolated page back to the LRU, and drop the reference taken for it."""
    assert not PageLRU(page), "VM_BUG_ON_PAGE(PageLRU(page))"
    if PageMlocked(page):
        set_page_flags(page, PG_unevictable)
    else:
        clear_page_flags(page, PG_unevictable)
    lru_cache_add(page)
    put_page(page)
