"""Pages of VM_LOCKED mappings (mm/mlock.c)."""

from __future__ import annotations

from mmspec.lang import BUG_ON, restates
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.page.mm import get_page, hpage_nr_pages, mod_node_page_state, page_mapcount
from mmspec.spec.page.mm_types import NR_MLOCK, Page, pgdat
from mmspec.spec.page.page_flags import (
    PageCompound,
    PageDoubleMap,
    PageLocked,
    PageLRU,
    PageTail,
    PG_lru,
    PG_mlocked,
    clear_page_flags,
    test_clear_page_flags,
    test_set_page_flags,
)
from mmspec.spec.page.swap import isolate_lru_page, putback_lru_page


@restates("mm/mlock.c", at="v4.14")
def clear_page_mlock(page: Page) -> None:
    """The page leaves its last VM_LOCKED mapping, or one of which that cannot be said."""
    if not test_clear_page_flags(page, PG_mlocked):
        return
    mod_node_page_state(NR_MLOCK, -hpage_nr_pages(page))
    if isolate_lru_page(page) == 0:
        putback_lru_page(page)


@restates("mm/mlock.c", at="v4.14")
def mlock_vma_page(page: Page) -> None:
    """The page is in a VM_LOCKED mapping. Requires: page lock."""
    BUG_ON(not PageLocked(page))
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    assert not (PageCompound(page) and PageDoubleMap(page)), (
        "VM_BUG_ON_PAGE(PageCompound(page) && PageDoubleMap(page))"
    )
    if not test_set_page_flags(page, PG_mlocked):
        mod_node_page_state(NR_MLOCK, hpage_nr_pages(page))
        if isolate_lru_page(page) == 0:
            putback_lru_page(page)


@restates("mm/mlock.c", at="v4.14")
def __munlock_isolate_lru_page(page: Page) -> bool:
    """Take a page off the LRU, with a reference. Requires: the LRU lock."""
    if not PageLRU(page):
        return False
    get_page(page)
    clear_page_flags(page, PG_lru)
    return True


@restates("mm/mlock.c", at="v4.14")
def __munlock_isolated_page(page: Page) -> None:
    """Look whether another VM_LOCKED mapping has the page; then back to the LRU."""
    if page_mapcount(page) > 1:
        try_to_munlock(page)
    putback_lru_page(page)


@restates("mm/mlock.c", at="v4.14")
def munlock_vma_page(page: Page) -> None:
    """The page leaves a VM_LOCKED mapping. Requires: page lock."""
    BUG_ON(not PageLocked(page))
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    spin_lock(pgdat.lru_lock)
    if not test_clear_page_flags(page, PG_mlocked):
        spin_unlock(pgdat.lru_lock)
        return
    mod_node_page_state(NR_MLOCK, -hpage_nr_pages(page))
    isolated = __munlock_isolate_lru_page(page)
    spin_unlock(pgdat.lru_lock)
    # if it was isolated by somebody else, that one puts it where it belongs
    if isolated:
        __munlock_isolated_page(page)


from mmspec.spec.page.rmap import try_to_munlock  # noqa: E402
