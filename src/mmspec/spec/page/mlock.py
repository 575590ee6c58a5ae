"""Pages of VM_LOCKED mappings (mm/mlock.c)."""

from __future__ import annotations

from mmspec.lang import BUG_ON, restates
from mmspec.spec.page.mm import hpage_nr_pages, mod_node_page_state
from mmspec.spec.page.mm_types import NR_MLOCK, Page
from mmspec.spec.page.page_flags import (
    PageCompound,
    PageDoubleMap,
    PageLocked,
    PageTail,
    PG_mlocked,
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
