"""The swap cache: which page holds a slot of the swap file (mm/swap_state.c)."""

from __future__ import annotations

from mmspec.kernels.changes import SWAP_CACHE_ADDS_DIRTY
from mmspec.lang import NULL, has, restates, u64
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import swp_offset
from mmspec.spec.page.filemap import SetPageLocked, find_get_page, trylock_page, unlock_page
from mmspec.spec.page.mm import hpage_nr_pages, page_mapped, page_ref_add, page_ref_sub
from mmspec.spec.page.mm_types import EEXIST, Page, Vma, swap_info
from mmspec.spec.page.page_alloc import alloc_pages_vma
from mmspec.spec.page.page_flags import (
    PageLocked,
    PageSwapBacked,
    PageSwapCache,
    PageWriteback,
    PG_swapbacked,
    PG_swapcache,
    clear_page_flags,
    set_page_dirty,
    set_page_flags,
)
from mmspec.spec.page.page_io import swap_readpage
from mmspec.spec.page.swap import lru_cache_add, put_page


@restates("mm/swap_state.c", at="v4.14")
def __add_to_swap_cache(page: Page, entry: u64) -> None:
    """A page, or each page of a huge page, holds a slot. Requires: page lock."""
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    assert not PageSwapCache(page), "VM_BUG_ON_PAGE(PageSwapCache(page))"
    assert PageSwapBacked(page), "VM_BUG_ON_PAGE(!PageSwapBacked(page))"
    nr = hpage_nr_pages(page)
    page_ref_add(page, nr)
    set_page_flags(page, PG_swapcache)
    spin_lock(swap_info.tree_lock)
    # the type of the only swap file is 0
    slot = swp_offset(entry)
    for i in range(nr):
        (page + i).private = slot + i
        swap_info.page[slot + i] = page + i
    spin_unlock(swap_info.tree_lock)


@restates("mm/swap_state.c", at="v4.14")
def __delete_from_swap_cache(page: Page) -> None:
    """Take a page out of the swap cache. Requires: page lock or no references; the tree's lock."""
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    assert PageSwapCache(page), "VM_BUG_ON_PAGE(!PageSwapCache(page))"
    assert not PageWriteback(page), "VM_BUG_ON_PAGE(PageWriteback(page))"
    slot = page.private
    nr = hpage_nr_pages(page)
    for i in range(nr):
        swap_info.page[slot + i] = NULL
        (page + i).private = 0
    clear_page_flags(page, PG_swapcache)


@restates("mm/swap_state.c", at="v4.14")
def delete_from_swap_cache(page: Page) -> None:
    """The same, and give up the slot and the swap cache's references. Requires: page lock."""
    slot = page.private
    spin_lock(swap_info.tree_lock)
    __delete_from_swap_cache(page)
    spin_unlock(swap_info.tree_lock)
    put_swap_page(page, slot)
    page_ref_sub(page, hpage_nr_pages(page))


@restates("mm/swap_state.c", at="v4.14")
def add_to_swap(page: Page) -> bool:
    """Give a page a slot; False if there is no room. Requires: page lock."""
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    entry = get_swap_page(page)
    if not entry:
        return False
    __add_to_swap_cache(page, entry)
    if has(SWAP_CACHE_ADDS_DIRTY):
        # MADV_FREE may have made its entries clean, and not yet said so in the page
        set_page_dirty(page)
    return True


@restates("mm/swap_state.c", at="v4.14")
def free_swap_cache(page: Page) -> None:
    """A page that has been unmapped leaves the swap cache if nobody else needs it there."""
    if PageSwapCache(page) and not page_mapped(page):
        if trylock_page(page):
            try_to_free_swap(page)
            unlock_page(page)


@restates("mm/swap_state.c", at="v4.14")
def lookup_swap_cache(entry: u64) -> Page:
    """The page that holds a slot, with a reference; NULL if there is none."""
    return find_get_page(swp_offset(entry))


@restates("mm/swap_state.c", at="v4.14")
def read_swap_cache_async(entry: u64, vma: Vma) -> Page:
    """The same, but where there is none a new page is read in. NULL: no memory, or no such entry.

    Restates __read_swap_cache_async() as well. Omits: reading ahead.
    """
    new_page: Page = NULL
    found_page: Page = NULL
    while True:
        found_page = find_get_page(swp_offset(entry))
        if found_page:
            break
        if not __swp_swapcount(entry):
            break
        if not new_page:
            new_page = alloc_pages_vma(vma, 0)
            if not new_page:
                break
        err = swapcache_prepare(entry)
        if err == -EEXIST:
            # somebody is between the slot and the tree, in either direction
            continue
        if err:
            break
        SetPageLocked(new_page)
        set_page_flags(new_page, PG_swapbacked)
        __add_to_swap_cache(new_page, entry)
        lru_cache_add(new_page)
        swap_readpage(new_page)
        return new_page
    if new_page:
        put_page(new_page)
    return found_page


from mmspec.spec.page.swapfile import (  # noqa: E402
    __swp_swapcount,
    get_swap_page,
    put_swap_page,
    swapcache_prepare,
    try_to_free_swap,
)
