"""The page lock: a bit of the flags word, which others test without taking it (mm/filemap.c)."""

from __future__ import annotations

from mmspec.lang import acquired, atomic, released, restates, wait_until
from mmspec.spec.page.mm_types import Page
from mmspec.spec.page.page_flags import PG_locked, compound_head


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
def _wait_on_page_locked(page: Page) -> None:
    wait_until(lambda: not page.flags & PG_locked)


@restates("include/linux/pagemap.h", at="v4.14")
def wait_on_page_locked(page: Page) -> None:
    """Sleep until nobody has the lock of the page's compound, without taking it."""
    _wait_on_page_locked(compound_head(page))
