"""struct page's flag bits and the tests of what a page is (include/linux/page-flags.h).

A test of a flag that belongs to the head reads the tail's pointer and the head's flags in one step.
"""

from __future__ import annotations

from mmspec.lang import atomic, restates, u32
from mmspec.spec.page.mm_types import Page, mem_map

PG_locked = 1 << 0
PG_referenced = 1 << 2
PG_uptodate = 1 << 3
PG_dirty = 1 << 4
PG_lru = 1 << 5
PG_active = 1 << 6
PG_swapcache = 1 << 9
PG_private_2 = 1 << 13
PG_writeback = 1 << 14
PG_head = 1 << 15
PG_swapbacked = 1 << 18
PG_unevictable = 1 << 19
PG_mlocked = 1 << 20
PG_hwpoison = 1 << 22
PG_young = 1 << 23
PG_idle = 1 << 24
PG_double_map = PG_private_2

PAGE_FLAGS_CHECK_AT_FREE = (
    PG_lru | PG_locked | PG_private_2 | PG_writeback | PG_active | PG_unevictable | PG_mlocked
)
PAGE_FLAGS_CHECK_AT_PREP = ((1 << 25) - 1) & ~PG_hwpoison

PAGE_MAPPING_ANON = 1
PAGE_MAPPING_MOVABLE = 2
PAGE_MAPPING_KSM = PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE
PAGE_MAPPING_FLAGS = PAGE_MAPPING_ANON | PAGE_MAPPING_MOVABLE


def compound_head(page: Page) -> Page:
    """The head of the compound that the page is part of; the page itself if of none."""
    head = page.compound_head
    if head:
        return mem_map[head - 1]
    return page


@atomic
def PageTail(page: Page) -> bool:
    """A page of a compound, other than the first."""
    return page.compound_head != 0


@atomic
def PageHead(page: Page) -> bool:
    """The first page of a compound."""
    return page.flags & PG_head != 0


@restates("include/linux/page-flags.h", at="v4.14")
def PageTransHuge(page: Page) -> bool:
    """A huge page's head; nobody may ask of a tail."""
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    return PageHead(page)


@atomic
def PageCompound(page: Page) -> bool:
    """Head or tail of a compound."""
    return page.flags & PG_head != 0 or page.compound_head != 0


@atomic
def PageTransCompound(page: Page) -> bool:
    """The same: all compounds here are huge pages."""
    return page.flags & PG_head != 0 or page.compound_head != 0


@atomic
def PageAnon(page: Page) -> bool:
    """Mapped by anonymous memory, now or before it was unmapped."""
    return compound_head(page).mapping & PAGE_MAPPING_ANON != 0


@atomic
def PageKsm(page: Page) -> bool:
    """Merged by KSM: its mapping is a node of the stable tree. Without KSM nobody asks."""
    return compound_head(page).mapping & PAGE_MAPPING_FLAGS == PAGE_MAPPING_KSM


@atomic
def __PageMovable(page: Page) -> bool:
    """Moved by the driver it belongs to. There is no such page here."""
    return page.mapping & PAGE_MAPPING_FLAGS == PAGE_MAPPING_MOVABLE


@atomic
def PageLocked(page: Page) -> bool:
    """Somebody has the page lock."""
    return compound_head(page).flags & PG_locked != 0


@atomic
def PageLRU(page: Page) -> bool:
    """On a list of the LRU."""
    return compound_head(page).flags & PG_lru != 0


@atomic
def PageDirty(page: Page) -> bool:
    """Must be written before it can be dropped."""
    return compound_head(page).flags & PG_dirty != 0


@atomic
def PageReferenced(page: Page) -> bool:
    """Used since reclaim last looked."""
    return compound_head(page).flags & PG_referenced != 0


@atomic
def PageSwapBacked(page: Page) -> bool:
    """Goes to swap, rather than being dropped."""
    return compound_head(page).flags & PG_swapbacked != 0


@atomic
def PageSwapCache(page: Page) -> bool:
    """In the swap cache."""
    return (
        compound_head(page).flags & (PG_swapbacked | PG_swapcache) == PG_swapbacked | PG_swapcache
    )


@atomic
def PageUnevictable(page: Page) -> bool:
    """On the LRU, but not for reclaim."""
    return compound_head(page).flags & PG_unevictable != 0


@atomic
def PageMlocked(page: Page) -> bool:
    """In a VM_LOCKED mapping."""
    return compound_head(page).flags & PG_mlocked != 0


@atomic
def PageWriteback(page: Page) -> bool:
    """Being written."""
    return page.flags & PG_writeback != 0


@atomic
def PageHWPoison(page: Page) -> bool:
    """Its memory is broken."""
    return page.flags & PG_hwpoison != 0


@atomic
def TestSetPageHWPoison(page: Page) -> bool:
    """Set it, of this very page; whether it was set before."""
    was = page.flags & PG_hwpoison != 0
    page.flags |= PG_hwpoison
    return was


@atomic
def ClearPageHWPoison(page: Page) -> None:
    """It may be used."""
    page.flags &= ~PG_hwpoison


@atomic
def PageUptodate(page: Page) -> bool:
    """Its data is there."""
    return compound_head(page).flags & PG_uptodate != 0


@atomic
def page_is_young(page: Page) -> bool:
    """Used, as somebody found who marked it idle since."""
    return page.flags & PG_young != 0


@atomic
def page_is_idle(page: Page) -> bool:
    """Not used since it was marked idle, as far as its flags say."""
    return page.flags & PG_idle != 0


@atomic
def PageDoubleMap(page: Page) -> bool:
    """A huge page mapped both by PMDs and by PTEs."""
    return page.flags & PG_head != 0 and (page + 1).flags & PG_double_map != 0


@atomic
def TestSetPageDoubleMap(page: Page) -> bool:
    """Set it; whether it was set before."""
    assert page.flags & PG_head, "TestSetPageDoubleMap: VM_BUG_ON_PAGE(!PageHead(page))"
    tail = page + 1
    was = tail.flags & PG_double_map != 0
    tail.flags |= PG_double_map
    return was


@atomic
def TestClearPageDoubleMap(page: Page) -> bool:
    """Clear it; whether it was set before."""
    assert page.flags & PG_head, "TestClearPageDoubleMap: VM_BUG_ON_PAGE(!PageHead(page))"
    tail = page + 1
    was = tail.flags & PG_double_map != 0
    tail.flags &= ~PG_double_map
    return was


@atomic
def set_page_flags(page: Page, bits: u32) -> None:
    """Set bits of the head's flags."""
    compound_head(page).flags |= bits


@atomic
def clear_page_flags(page: Page, bits: u32) -> None:
    """Clear bits of the head's flags."""
    compound_head(page).flags &= ~bits


@atomic
def test_set_page_flags(page: Page, bits: u32) -> bool:
    """Set bits of the head's flags; whether any was set before."""
    head = compound_head(page)
    was = head.flags & bits != 0
    head.flags |= bits
    return was


@atomic
def test_clear_page_flags(page: Page, bits: u32) -> bool:
    """Clear bits of the head's flags; whether any was set before."""
    head = compound_head(page)
    was = head.flags & bits != 0
    head.flags &= ~bits
    return was


def SetPageDirty(page: Page) -> None:
    """Must be written before it can be dropped."""
    set_page_flags(page, PG_dirty)


@restates("mm/page-writeback.c", at="v4.14")
def set_page_dirty(page: Page) -> None:
    """The same for anonymous memory (mm/page-writeback.c)."""
    set_page_flags(page, PG_dirty)
