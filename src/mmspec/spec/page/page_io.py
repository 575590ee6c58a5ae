"""Writing pages to the swap file, and reading them back (mm/page_io.c).

The disk is done as soon as it is asked: nobody sees a page wait for it but with the page lock free
and PG_writeback set.
"""

from __future__ import annotations

from mmspec.lang import atomic, restates, u32, u64
from mmspec.spec.machine.pgtable import swp_offset
from mmspec.spec.page.filemap import end_page_writeback, unlock_page
from mmspec.spec.page.mm import hpage_nr_pages
from mmspec.spec.page.mm_types import Page, swap_info
from mmspec.spec.page.page_flags import (
    PageLocked,
    PageSwapCache,
    PG_uptodate,
    PG_writeback,
    set_page_flags,
)


@atomic
def _write_slot(slot: u32, page: Page) -> None:
    """The disk reads a frame."""
    swap_info.data[slot] = page.data


@atomic
def _read_slot(slot: u32, page: Page) -> None:
    """The disk writes a frame."""
    page.data = swap_info.data[slot]


@restates("mm/page_io.c", at="v4.14")
def swap_writepage(page: Page) -> None:
    """Write a page, or each page of a huge page, to its slot. Gives the page lock back."""
    if try_to_free_swap(page):
        # nobody needs it any more
        unlock_page(page)
        return
    assert PageSwapCache(page), "VM_BUG_ON_PAGE(!PageSwapCache(page))"
    slot = page.private
    nr = hpage_nr_pages(page)
    set_page_flags(page, PG_writeback)
    unlock_page(page)
    for i in range(nr):
        _write_slot(slot + i, page + i)
    end_page_writeback(page)


@restates("mm/page_io.c", at="v4.14")
def swap_readpage(page: Page) -> None:
    """Read a page from its slot. Gives the page lock back."""
    assert PageSwapCache(page), "VM_BUG_ON_PAGE(!PageSwapCache(page))"
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    slot = page.private
    _read_slot(slot, page)
    set_page_flags(page, PG_uptodate)
    unlock_page(page)


@restates("mm/page_io.c", at="v4.15")
def swap_readpage_synchronously(page: Page, entry: u64) -> None:
    """Read a slot into a page that is not in the swap cache, and stays locked."""
    _read_slot(swp_offset(entry), page)
    set_page_flags(page, PG_uptodate)


from mmspec.spec.page.swapfile import try_to_free_swap  # noqa: E402
