"""Reclaim of anonymous memory: a page goes to the swap file, or is dropped (mm/vmscan.c).

One page at a time. The LRU has no order: its first page is the one that is looked at.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    RECLAIM_SPARES_PINNED_PAGES,
    THP_FREED_AFTER_FLUSH,
    THP_SWAPPED_OUT_WHOLE,
)
from mmspec.lang import NULL, atomic, has, restates, u8
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, NR_FRAMES, PINS
from mmspec.spec.page.filemap import ClearPageLocked, trylock_page, unlock_page
from mmspec.spec.page.huge_memory import can_split_huge_page, split_huge_page
from mmspec.spec.page.mm import (
    compound_mapcount,
    get_page_unless_zero,
    hpage_nr_pages,
    mod_node_page_state,
    page_count,
    page_mapped,
    page_maybe_dma_pinned,
    page_ref_freeze,
    page_ref_unfreeze,
)
from mmspec.spec.page.mm_types import NR_ISOLATED_ANON, Page, mem_map, pgdat, swap_info
from mmspec.spec.page.page_alloc import free_pages_ok
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageDirty,
    PageMlocked,
    PageSwapBacked,
    PageSwapCache,
    PageTransHuge,
    PG_dirty,
    PG_lru,
    PG_unevictable,
    clear_page_flags,
    test_clear_page_flags,
)
from mmspec.spec.page.page_io import swap_writepage
from mmspec.spec.page.rmap import (
    TTU_BATCH_FLUSH,
    TTU_SPLIT_HUGE_PMD,
    try_to_unmap,
    try_to_unmap_flush,
    try_to_unmap_flush_dirty,
)
from mmspec.spec.page.swap import free_transhuge_page, putback_lru_page
from mmspec.spec.page.swap_state import (
    __delete_from_swap_cache,
    add_to_swap,
    delete_from_swap_cache,
)
from mmspec.spec.page.swapfile import put_swap_page, try_to_free_swap

PAGE_KEEP, PAGE_SUCCESS, PAGE_CLEAN = 0, 1, 2
#: Labels of shrink_page_list().
ACTIVATE_LOCKED, KEEP_LOCKED, KEEP, FREE_IT = 0, 1, 2, 3


@restates("mm/vmscan.c", at="v4.14")
def is_page_cache_freeable(page: Page) -> bool:
    """Whether only the swap cache, and who has isolated it, refer to the page."""
    pins = 1
    if PageTransHuge(page) and PageSwapCache(page):
        pins = HPAGE_PMD_NR
    return page_count(page) == 1 + pins


@restates("mm/vmscan.c", at="v4.14")
def pageout(page: Page, mapping: bool) -> u8:
    """Write a dirty page to its slot. If it is written (PAGE_SUCCESS) it is not locked any more."""
    if not is_page_cache_freeable(page):
        return PAGE_KEEP
    if not mapping:
        return PAGE_KEEP
    if test_clear_page_flags(page, PG_dirty):
        swap_writepage(page)
        return PAGE_SUCCESS
    return PAGE_CLEAN


@restates("mm/vmscan.c", at="v4.14")
def __remove_mapping(page: Page) -> bool:
    """Take a page out of the swap cache if nobody else refers to it and it is clean.

    Its references are gone then. Requires: page lock.
    """
    spin_lock(swap_info.tree_lock)
    refcount = 2
    if PageTransHuge(page) and PageSwapCache(page):
        refcount = 1 + HPAGE_PMD_NR
    if not page_ref_freeze(page, refcount):
        spin_unlock(swap_info.tree_lock)
        return False
    # only now: who had a reference could still have made it dirty
    if PageDirty(page):
        page_ref_unfreeze(page, refcount)
        spin_unlock(swap_info.tree_lock)
        return False
    slot = page.private
    __delete_from_swap_cache(page)
    spin_unlock(swap_info.tree_lock)
    put_swap_page(page, slot)
    return True


def _shrink_page(page: Page) -> u8:
    """Reclaim a locked page; the label at which the original goes on."""
    if PageMlocked(page):
        return ACTIVATE_LOCKED
    mapping = PageSwapCache(page)
    if PageAnon(page) and PageSwapBacked(page):
        if not PageSwapCache(page):
            if PINS and has(RECLAIM_SPARES_PINNED_PAGES) and page_maybe_dma_pinned(page):
                return KEEP_LOCKED
            if PageTransHuge(page):
                if not can_split_huge_page(page, 0):
                    return ACTIVATE_LOCKED
                # no PMD maps it: chances are that some of its pages are not mapped at all
                if compound_mapcount(page) == 0 and split_huge_page(page) != 0:
                    return ACTIVATE_LOCKED
            if not add_to_swap(page):
                if not PageTransHuge(page):
                    return ACTIVATE_LOCKED
                if split_huge_page(page) != 0:
                    return ACTIVATE_LOCKED
                if not add_to_swap(page):
                    return ACTIVATE_LOCKED
            if not has(THP_SWAPPED_OUT_WHOLE) and PageTransHuge(page):
                if split_huge_page(page) != 0:
                    delete_from_swap_cache(page)
                    return ACTIVATE_LOCKED
            mapping = PageSwapCache(page)
    elif PageTransHuge(page):
        if split_huge_page(page) != 0:
            return KEEP_LOCKED

    if page_mapped(page):
        flags = TTU_BATCH_FLUSH
        if PageTransHuge(page):
            flags |= TTU_SPLIT_HUGE_PMD
        if not try_to_unmap(page, flags):
            return ACTIVATE_LOCKED

    if PageDirty(page):
        # no processor may store to it once it is being written
        try_to_unmap_flush_dirty()
        result = pageout(page, mapping)
        if result == PAGE_KEEP:
            return KEEP_LOCKED
        if result == PAGE_SUCCESS:
            if PageDirty(page):
                return KEEP
            if not trylock_page(page):
                return KEEP
            if PageDirty(page):
                return KEEP_LOCKED
            mapping = PageSwapCache(page)

    if PageAnon(page) and not PageSwapBacked(page):
        # given to MADV_FREE: dropped, unless somebody refers to it or has stored to it
        if not page_ref_freeze(page, 1):
            return KEEP_LOCKED
        if PageDirty(page):
            page_ref_unfreeze(page, 1)
            return KEEP_LOCKED
    elif not mapping or not __remove_mapping(page):
        return KEEP_LOCKED
    # no reference is left, and none can be had
    ClearPageLocked(page)
    return FREE_IT


@restates("mm/vmscan.c", at="v4.14")
def shrink_page_list(page: Page) -> None:
    """Reclaim one isolated page, or put it back.

    Omits: page_referenced(), which looks at accessed bits before a page gets a slot (unmapping it
    looks again), and the age of pages; the tails of a huge page that is split go to the LRU.
    """
    label = KEEP
    if trylock_page(page):
        label = _shrink_page(page)
    if label == FREE_IT:
        if PageTransHuge(page):
            if has(THP_FREED_AFTER_FLUSH):
                try_to_unmap_flush()
            free_transhuge_page(page)
            try_to_unmap_flush()
        else:
            try_to_unmap_flush()
            free_pages_ok(page, 0)
        return
    if label == ACTIVATE_LOCKED:
        if PageSwapCache(page) and PageMlocked(page):
            try_to_free_swap(page)
    if label != KEEP:
        unlock_page(page)
    try_to_unmap_flush()
    putback_lru_page(page)


@atomic
def _lru_tail() -> Page:
    """A page of the LRU that may be evicted; NULL if there is none."""
    for pfn in range(NR_FRAMES):
        if mem_map[pfn].flags & (PG_lru | PG_unevictable) == PG_lru:
            return mem_map[pfn]
    return NULL


@restates("mm/vmscan.c", at="v4.14")
def isolate_lru_pages() -> Page:
    """Take a page off the LRU, with a reference; NULL if there is none. Requires: the LRU lock."""
    page = _lru_tail()
    if page:
        if get_page_unless_zero(page):
            clear_page_flags(page, PG_lru)
            return page
    return NULL


@restates("mm/vmscan.c", at="v4.14")
def shrink_inactive_list() -> None:
    """Reclaim one page."""
    spin_lock(pgdat.lru_lock)
    page = isolate_lru_pages()
    spin_unlock(pgdat.lru_lock)
    if not page:
        return
    nr_taken = hpage_nr_pages(page)
    mod_node_page_state(NR_ISOLATED_ANON, nr_taken)
    shrink_page_list(page)
    mod_node_page_state(NR_ISOLATED_ANON, -nr_taken)
