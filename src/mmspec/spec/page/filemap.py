"""The page lock, which others test without taking it, and finding pages (mm/filemap.c)."""

from __future__ import annotations

from mmspec.kernels import WATCHED
from mmspec.lang import NULL, acquired, atomic, bug, has, released, restates, u32, wait_until
from mmspec.spec.page.mm import get_page_unless_zero
from mmspec.spec.page.mm_types import Page, swap_info
from mmspec.spec.page.page_flags import PG_locked, PG_writeback, compound_head, set_page_dirty
from mmspec.spec.page.swap import put_page


@atomic
def _trylock_page(page: Page) -> bool:
    if page.flags & PG_locked:
        return False
    page.flags |= PG_locked
    acquired(page)
    return True


@restates("include/linux/pagemap.h", at="v4.14")
def trylock_page(page: Page) -> bool:
    """Take the lock of the page's compound if it is free."""
    return _trylock_page(compound_head(page))


@atomic
def _lock_page(page: Page) -> None:
    wait_until(lambda: not page.flags & PG_locked)
    page.flags |= PG_locked
    acquired(page)


@restates("include/linux/pagemap.h", at="v4.14")
def lock_page(page: Page) -> None:
    """Take the lock of the page's compound; sleep while somebody has it."""
    _lock_page(compound_head(page))


@atomic
def _unlock_page(page: Page) -> None:
    assert page.flags & PG_locked, "VM_BUG_ON_PAGE(!PageLocked(page))"
    released(page)
    page.flags &= ~PG_locked


@restates("mm/filemap.c", at="v4.14")
def unlock_page(page: Page) -> None:
    """Give the lock back and wake who waits for it."""
    _unlock_page(compound_head(page))


@atomic
def _wait_on_page_locked(head: Page, page: Page) -> None:
    wait_until(lambda: not head.flags & PG_locked)
    # its next owner may lock it for as long as he likes
    if has(WATCHED) and page.buddy:
        bug("wait for a freed page", "somebody waits for a page that was freed", page)


@restates("include/linux/pagemap.h", at="v4.14")
def wait_on_page_locked(page: Page) -> None:
    """Sleep until nobody has the lock of the page's compound, without taking it."""
    _wait_on_page_locked(compound_head(page), page)


@atomic
def wait_on_queue(head: Page) -> None:
    """The same, by who has been on the wait queue since before the page could be freed."""
    wait_until(lambda: not head.flags & PG_locked)


@atomic
def SetPageLocked(page: Page) -> None:
    """Lock a new page, which nobody else has."""
    page.flags |= PG_locked
    acquired(page)


@atomic
def ClearPageLocked(page: Page) -> None:
    """Unlock a page that nobody can get any more: nobody waits for it."""
    released(page)
    page.flags &= ~PG_locked


@atomic
def end_page_writeback(page: Page) -> None:
    """The page has been written."""
    assert page.flags & PG_writeback, "BUG(!test_clear_page_writeback(page))"
    page.flags &= ~PG_writeback


@atomic
def wait_on_page_writeback(page: Page) -> None:
    """Sleep until it has."""
    wait_until(lambda: not page.flags & PG_writeback)


@restates("mm/filemap.c", at="v4.14")
def find_get_page(slot: u32) -> Page:
    """The page that holds a slot of the swap file, with a reference; NULL if there is none."""
    while True:
        page = swap_info.page[slot]
        if not page:
            return NULL
        head = compound_head(page)
        # it is being freed, or taken apart
        if not get_page_unless_zero(head):
            continue
        # taken apart, or out of the swap cache, before there was the reference
        again = swap_info.page[slot]
        if compound_head(page) is head and again is page:
            return page
        put_page(head)


@restates("mm/page-writeback.c", at="v4.14")
def set_page_dirty_lock(page: Page) -> None:
    """Mark a page dirty that the caller has a reference to, and nothing else."""
    lock_page(page)
    set_page_dirty(page)
    unlock_page(page)
