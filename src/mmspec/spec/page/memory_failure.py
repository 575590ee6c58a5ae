"""Frames that are broken, or about to break (mm/memory-failure.c).

A free frame with PG_hwpoison is not allocated any more.
"""

from __future__ import annotations

from mmspec.kernels.changes import SOFT_OFFLINE_PINS_THE_PAGE
from mmspec.lang import NULL, atomic, restates, u32
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.huge_memory import split_huge_page
from mmspec.spec.page.migrate import (
    MIGRATE_SYNC,
    PageList,
    PageToNode,
    list_add_page,
    migrate_pages,
    putback_movable_pages,
)
from mmspec.spec.page.mm import get_page_unless_zero, mod_node_page_state, page_to_nid
from mmspec.spec.page.mm_types import EBUSY, EIO, NR_ISOLATED_ANON, Page
from mmspec.spec.page.page_alloc import ALL_NODES, is_free_buddy_page, new_page_nodemask
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageHWPoison,
    PageLRU,
    PageTransHuge,
    PG_hwpoison,
    compound_head,
)
from mmspec.spec.page.swap import isolate_lru_page, put_page


@atomic
def TestSetPageHWPoison(page: Page) -> bool:
    """Set it, of this very page; whether it was set before."""
    was = page.flags & PG_hwpoison != 0
    page.flags |= PG_hwpoison
    return was


@restates("mm/memory-failure.c", at="v4.14")
def get_hwpoison_page(page: Page) -> bool:
    """A reference to the page, or to the huge page it is part of, unless it is free."""
    head = compound_head(page)
    if PageTransHuge(head) and not PageAnon(head):
        # being allocated or freed
        return False
    if get_page_unless_zero(head):
        if head is compound_head(page):
            return True
        put_page(head)
    return False


@restates("mm/memory-failure.c", at="v4.14")
def new_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page to move to, on the same node if there is room."""
    return new_page_nodemask(page, page_to_nid(page), ALL_NODES)


@restates("mm/memory-failure.c", at="v4.14")
def __get_any_page(page: Page) -> int:
    """1 with a reference; 0 if the page is free; an error if it is neither."""
    if get_hwpoison_page(page):
        return 1
    if is_free_buddy_page(page):
        return 0
    return -EIO


@restates("mm/memory-failure.c", at="v4.14")
def get_any_page(page: Page) -> int:
    """The same; what is on no LRU is not touched. Omits: draining caches that could."""
    ret = __get_any_page(page)
    if ret == 1 and not PageLRU(page):
        put_page(page)
        ret = __get_any_page(page)
        if ret == 1 and not PageLRU(page):
            put_page(page)
            return -EIO
    return ret


@restates("mm/memory-failure.c", at="v4.14")
def __soft_offline_page(page: Page) -> int:
    """Move a base page away, and poison its frame. Takes the caller's reference.

    migrate_pages() is told why, and sets the flag itself, as soon as it has given the page up.
    """
    lock_page(page)
    if PageHWPoison(page):
        unlock_page(page)
        put_page(page)
        return -EBUSY
    unlock_page(page)
    ret = isolate_lru_page(page) if PageLRU(page) else -EBUSY
    put_page(page)
    if ret != 0:
        return ret
    pagelist = PageList()
    mod_node_page_state(NR_ISOLATED_ANON, 1)
    list_add_page(pagelist, page)
    if migrate_pages(pagelist, new_page, 0, NULL, MIGRATE_SYNC) != 0:
        putback_movable_pages(pagelist)
        return -EIO
    TestSetPageHWPoison(page)
    return 0


@restates("mm/memory-failure.c", at="v5.1")
def soft_offline_in_use_page(page: Page) -> int:
    """Move a page away, of a huge page after splitting it. Takes the caller's reference."""
    if PageTransHuge(compound_head(page)):
        # The reference and the lock stay with the page that is given, whatever part it is.
        lock_page(page)
        if not PageAnon(page) or split_huge_page(page) != 0:
            unlock_page(page)
            put_page(page)
            return -EBUSY
        unlock_page(page)
    return __soft_offline_page(page)


@soft_offline_in_use_page.before(SOFT_OFFLINE_PINS_THE_PAGE, at="v4.14")
def soft_offline_in_use_page_by_its_head(page: Page) -> int:
    """The same; the split leaves the reference with the head, and nothing with the page itself."""
    hpage = compound_head(page)
    if PageTransHuge(hpage):
        lock_page(hpage)
        if not PageAnon(hpage) or split_huge_page(hpage) != 0:
            unlock_page(hpage)
            put_page(hpage)
            return -EBUSY
        unlock_page(hpage)
        get_hwpoison_page(page)
        put_page(hpage)
    return __soft_offline_page(page)


@restates("mm/memory-failure.c", at="v4.14")
def soft_offline_page(page: Page) -> int:
    """A frame is about to break: move what it holds, and never use it again."""
    if PageHWPoison(page):
        return -EBUSY
    ret = get_any_page(page)
    if ret > 0:
        return soft_offline_in_use_page(page)
    if ret == 0:
        TestSetPageHWPoison(page)
    return ret
