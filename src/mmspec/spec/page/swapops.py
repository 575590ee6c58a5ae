"""Migration entries (include/linux/swapops.h)."""

from __future__ import annotations

from mmspec.lang import BUG_ON, restates, u16, u64
from mmspec.spec.machine.pgtable import (
    SWP_MIGRATION_READ,
    SWP_MIGRATION_WRITE,
    swp_entry,
    swp_offset,
)
from mmspec.spec.page.mm import page_to_pfn, pfn_to_page
from mmspec.spec.page.mm_types import Page
from mmspec.spec.page.page_flags import PageLocked


@restates("include/linux/swapops.h", at="v4.14")
def make_migration_entry(page: Page, write: bool) -> u64:
    """A migration entry for a page, which is locked until the entry is gone."""
    BUG_ON(not PageLocked(page))
    return swp_entry(SWP_MIGRATION_WRITE if write else SWP_MIGRATION_READ, page_to_pfn(page))


@restates("include/linux/swapops.h", at="v4.14")
def migration_entry_to_page(entry: u64) -> Page:
    """The page of a migration entry; any use of an entry for an unlocked page is a bug."""
    page = pfn_to_page(swp_offset(entry))
    BUG_ON(not PageLocked(page))
    return page


def migration_entry_to_pfn(entry: u64) -> u16:
    """The same, as a frame number."""
    return page_to_pfn(migration_entry_to_page(entry))
