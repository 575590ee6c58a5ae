"""Slots of the swap file, and who may write to a page without copying it (mm/swapfile.c)."""

from __future__ import annotations

from mmspec.lang import OnStack, atomic, i16, restates, u64
from mmspec.spec.machine.sizes import HPAGE_PMD_NR
from mmspec.spec.page.mm import compound_mapcount
from mmspec.spec.page.mm_types import Page, swap_info
from mmspec.spec.page.page_flags import (
    PageDoubleMap,
    PageLocked,
    PageTransCompound,
    compound_head,
)


@atomic
def swap_duplicate(slot: u64) -> i16:
    """One more swap entry names the slot; negative if there are too many."""
    if swap_info.swap_map[slot] == 255:
        return -1
    swap_info.swap_map[slot] += 1
    return 0


@atomic
def swap_free(slot: u64) -> None:
    """A swap entry less."""
    swap_info.swap_map[slot] -= 1


class MapCount(OnStack):
    """Where page_trans_huge_mapcount() leaves its second result."""

    total: int = 0


@restates("mm/huge_memory.c", at="v4.14")
def page_trans_huge_mapcount(page: Page, mappings: MapCount) -> int:
    """How often the subpage that is mapped most is mapped; and all mappings together.

    The counts are read one by one, while others may split a PMD.
    """
    if not PageTransCompound(page):
        count = page._mapcount + 1
        mappings.total = count
        return count
    head = compound_head(page)
    most = 0
    total = 0
    for i in range(HPAGE_PMD_NR):
        mapcount = (head + i)._mapcount + 1
        most = max(most, mapcount)
        total += mapcount
    if PageDoubleMap(head):
        most -= 1
        total -= HPAGE_PMD_NR
    compound = compound_mapcount(head)
    mappings.total = total + compound
    return most + compound


@restates("mm/swapfile.c", at="v4.14")
def reuse_swap_page(page: Page, mappings: MapCount) -> bool:
    """Whether no other process maps any part of the page, so that it need not be copied.

    Requires: page lock. Omits: the swap cache.
    """
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    return page_trans_huge_mapcount(page, mappings) <= 1
