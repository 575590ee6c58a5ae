"""Pages of VM_LOCKED mappings (mm/mlock.c; the rest of it is in mlock_vmas)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    MUNLOCK_SKIPS_ONLY_MLOCKED_THP,
    MUNLOCK_SKIPS_THP,
    MUNLOCK_UNDER_LRU_LOCK,
)
from mmspec.lang import BUG_ON, has, restates, u16
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.page.mm import (
    get_page,
    hpage_nr_pages,
    mod_node_page_state,
    page_mapcount,
)
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


# ----------------------------------------------------------------------------- munlocking pages


@restates("mm/mlock.c", at="v4.14")
def __munlock_isolate_lru_page(page: Page, getpage: bool) -> bool:
    """Take a page off the LRU, with a reference if it is asked for. Requires: the LRU lock."""
    if not PageLRU(page):
        return False
    if getpage:
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
def munlock_vma_page(page: Page) -> u16:
    """The page leaves a VM_LOCKED mapping; how many pages after it that was true for, too.

    Requires: page lock. If somebody else has isolated the page, that one puts it where it belongs.
    """
    BUG_ON(not PageLocked(page))
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    # against a split that hands the flag on to tails
    spin_lock(pgdat.lru_lock)
    if not test_clear_page_flags(page, PG_mlocked):
        nr_pages: u16 = 1
        if not has(MUNLOCK_SKIPS_ONLY_MLOCKED_THP) and has(MUNLOCK_SKIPS_THP):
            nr_pages = hpage_nr_pages(page)
        # else: PTEs may map it, and other pages come next
        spin_unlock(pgdat.lru_lock)
        return nr_pages - 1
    nr_pages = hpage_nr_pages(page)
    mod_node_page_state(NR_MLOCK, -nr_pages)
    isolated = __munlock_isolate_lru_page(page, True)
    spin_unlock(pgdat.lru_lock)
    if isolated:
        __munlock_isolated_page(page)
    return nr_pages - 1


@munlock_vma_page.before(MUNLOCK_UNDER_LRU_LOCK, at="v3.13")
def munlock_vma_page_step_by_step(page: Page) -> u16:
    """The same, with no lock over the flag, the page's size and its isolation."""
    BUG_ON(not PageLocked(page))
    nr_pages: u16 = 1
    if test_clear_page_flags(page, PG_mlocked):
        nr_pages = hpage_nr_pages(page)
        mod_node_page_state(NR_MLOCK, -nr_pages)
        if isolate_lru_page(page) == 0:
            __munlock_isolated_page(page)
    elif not has(MUNLOCK_SKIPS_ONLY_MLOCKED_THP) and has(MUNLOCK_SKIPS_THP):
        nr_pages = hpage_nr_pages(page)
    return nr_pages - 1


from mmspec.spec.page.rmap import try_to_munlock  # noqa: E402
