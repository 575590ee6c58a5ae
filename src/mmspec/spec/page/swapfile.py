"""Slots of the swap file, and who may write to a page without copying it (mm/swapfile.c).

What the lock of a cluster or of the swap file guards is done in one step. Without a slot beside the
file's header there is no swap, and nothing looks for a page in the swap cache.
"""

from __future__ import annotations

from mmspec.lang import OnStack, atomic, bug, i16, initializer, restates, u8, u16, u32, u64
from mmspec.spec.machine.pgtable import swp_offset
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, NR_STABLE_NODES, NR_SWAP_SLOTS
from mmspec.spec.page.filemap import find_get_page, trylock_page, unlock_page
from mmspec.spec.page.mm import compound_mapcount, page_mapped
from mmspec.spec.page.mm_types import EEXIST, ENOENT, ENOMEM, Page, swap_info
from mmspec.spec.page.page_flags import (
    PageDoubleMap,
    PageKsm,
    PageLocked,
    PageSwapCache,
    PageTransCompound,
    PageTransHuge,
    PageWriteback,
    SetPageDirty,
    compound_head,
)
from mmspec.spec.page.swap import put_page

SWAP_HAS_CACHE = 0x40
SWAP_MAP_MAX = 0x3E
SWAP_MAP_BAD = 0x3F
#: What somebody else left on the disk.
GARBAGE = 0xA5


@initializer
def swapon() -> None:
    """A swap file, in which every slot but the header is free."""
    if NR_SWAP_SLOTS > 1:
        swap_info.swap_map[0] = SWAP_MAP_BAD
        for slot in range(1, NR_SWAP_SLOTS):
            swap_info.data[slot] = GARBAGE


def data_in_slot(slot: u32) -> u8:
    """What a load would find after a fault on a slot's entry (checking)."""
    page = swap_info.page[slot]
    if page:
        return page.data
    return swap_info.data[slot]


def total_swap_pages() -> u32:
    """How many slots there are for pages."""
    return NR_SWAP_SLOTS - 1


# ------------------------------------------------------------------------------------- slots


def _is_free(slot: u32, nr: u16) -> bool:
    for i in range(nr):
        if swap_info.swap_map[slot + i]:
            return False
    return True


@restates("mm/swapfile.c", at="v4.14")
@atomic
def get_swap_pages(nr: u16) -> u64:
    """Free slots for a page, taken for the swap cache: the first one; 0 if there is no room."""
    for slot in range(NR_SWAP_SLOTS):
        if slot & nr - 1 == 0 and slot + nr <= NR_SWAP_SLOTS and _is_free(slot, nr):
            for i in range(nr):
                swap_info.swap_map[slot + i] = SWAP_HAS_CACHE
            if nr > 1:
                swap_info.huge[slot] = 1
            return slot
    return 0


@restates("mm/swap_slots.c", at="v4.14")
def get_swap_page(page: Page) -> u64:
    """The same for a page or a huge page; a huge page's slots are aligned."""
    if PageTransHuge(page):
        return get_swap_pages(HPAGE_PMD_NR)
    return get_swap_pages(1)


@restates("mm/swapfile.c", at="v4.14")
@atomic
def __swap_duplicate(entry: u64, usage: u8) -> i16:
    """One more user of a slot, an entry (1) or the swap cache (SWAP_HAS_CACHE); or an error."""
    slot = swp_offset(entry)
    count = swap_info.swap_map[slot] & ~SWAP_HAS_CACHE
    has_cache = swap_info.swap_map[slot] & SWAP_HAS_CACHE
    if usage == SWAP_HAS_CACHE:
        if has_cache:
            return -EEXIST
        if not count:
            return -ENOENT
    elif not count and not has_cache:
        return -ENOENT
    elif count == SWAP_MAP_MAX:
        return -ENOMEM
    swap_info.swap_map[slot] += usage
    return 0


def swap_duplicate(entry: u64) -> i16:
    """One more swap entry names the slot; negative if there are too many, or none was left."""
    return __swap_duplicate(entry, 1)


def swapcache_prepare(entry: u64) -> i16:
    """The swap cache is going to hold the slot: -EEXIST if it does already, or will soon."""
    return __swap_duplicate(entry, SWAP_HAS_CACHE)


@restates("mm/swapfile.c", at="v4.14")
@atomic
def __swap_entry_free(entry: u64, usage: u8) -> u8:
    """One user of a slot less; which are left. A slot that nobody uses is free."""
    slot = swp_offset(entry)
    used = swap_info.swap_map[slot]
    if usage == SWAP_HAS_CACHE:
        if not used & SWAP_HAS_CACHE:
            bug("VM_BUG_ON", "VM_BUG_ON(!has_cache)", swap_info)
    elif used & ~SWAP_HAS_CACHE == 0:
        bug("swap", "swap_free: Unused swap offset entry", swap_info)
    swap_info.swap_map[slot] -= usage
    return swap_info.swap_map[slot]


def swap_free(entry: u64) -> None:
    """A swap entry less."""
    __swap_entry_free(entry, 1)


@restates("mm/swapfile.c", at="v6.8")
def swapcache_clear(entry: u64) -> None:
    """The swap cache does not hold the slot any more, or never did."""
    __swap_entry_free(entry, SWAP_HAS_CACHE)


@restates("mm/swapfile.c", at="v4.14")
@atomic
def swapcache_free_cluster(entry: u64) -> None:
    """The swap cache gives up the slots of a huge page."""
    slot = swp_offset(entry)
    assert swap_info.huge[slot], "VM_BUG_ON(!cluster_is_huge(ci))"
    for i in range(HPAGE_PMD_NR):
        assert swap_info.swap_map[slot + i] & SWAP_HAS_CACHE, "VM_BUG_ON(!(val & SWAP_HAS_CACHE))"
        swap_info.swap_map[slot + i] -= SWAP_HAS_CACHE
    swap_info.huge[slot] = 0


@restates("mm/swapfile.c", at="v4.14")
def put_swap_page(page: Page, entry: u64) -> None:
    """The swap cache gives up a page's slot."""
    if PageTransHuge(page):
        swapcache_free_cluster(entry)
    else:
        __swap_entry_free(entry, SWAP_HAS_CACHE)


@restates("mm/swapfile.c", at="v4.14")
@atomic
def split_swap_cluster(entry: u64) -> None:
    """A huge page in the swap cache has been taken apart: so are its slots."""
    swap_info.huge[swp_offset(entry)] = 0


# ------------------------------------------------------------------------------ who uses a slot


@restates("mm/swapfile.c", at="v4.14")
@atomic
def __swp_swapcount(entry: u64) -> u8:
    """How many swap entries name a slot."""
    return swap_info.swap_map[swp_offset(entry)] & ~SWAP_HAS_CACHE


@restates("mm/swapfile.c", at="v4.14")
def page_swapcount(page: Page) -> u8:
    """How many swap entries name the slot of a page in the swap cache."""
    slot = page.private
    return __swp_swapcount(slot)


@restates("mm/swapfile.c", at="v4.14")
@atomic
def swap_page_trans_huge_swapped(entry: u64) -> bool:
    """Whether a swap entry names the slot, or any of a huge page's slots that it is one of."""
    slot = swp_offset(entry)
    first: u32 = slot - slot % HPAGE_PMD_NR
    if not swap_info.huge[first]:
        return swap_info.swap_map[slot] & ~SWAP_HAS_CACHE != 0
    for i in range(HPAGE_PMD_NR):
        if swap_info.swap_map[first + i] & ~SWAP_HAS_CACHE:
            return True
    return False


@restates("mm/swapfile.c", at="v4.14")
def page_swapped(page: Page) -> bool:
    """Whether a swap entry names a slot of the page."""
    if not PageTransCompound(page):
        return page_swapcount(page) != 0
    head = compound_head(page)
    slot = head.private
    return swap_page_trans_huge_swapped(slot)


@restates("mm/swapfile.c", at="v4.14")
def try_to_free_swap(page: Page) -> bool:
    """Give up the slot of a page if nothing but the swap cache uses it. Requires: page lock."""
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    if not PageSwapCache(page):
        return False
    if PageWriteback(page):
        return False
    if page_swapped(page):
        return False
    head = compound_head(page)
    delete_from_swap_cache(head)
    SetPageDirty(head)
    return True


@restates("mm/swapfile.c", at="v4.14")
def free_swap_and_cache(entry: u64) -> None:
    """A swap entry less; if it was the last, the page goes from the swap cache, too.

    Omits: what is done when swap is half full. If somebody has the page locked it stays, for
    reclaim to find.
    """
    count = __swap_entry_free(entry, 1)
    if count != SWAP_HAS_CACHE or swap_page_trans_huge_swapped(entry):
        return
    page = find_get_page(swp_offset(entry))
    if not page:
        return
    if not trylock_page(page):
        put_page(page)
        return
    if PageSwapCache(page) and not PageWriteback(page) and not page_mapped(page):
        if not swap_page_trans_huge_swapped(entry):
            head = compound_head(page)
            delete_from_swap_cache(head)
            SetPageDirty(head)
    unlock_page(page)
    put_page(page)


# ------------------------------------------------------------------------------- copy on write


class MapCount(OnStack):
    """Where the functions below leave their other results: mappings and swap entries of a page."""

    total: int = 0
    swapped: int = 0


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
def page_trans_huge_map_swapcount(page: Page, mappings: MapCount) -> int:
    """The same of a page that may be in the swap cache: swap entries count like mappings."""
    if not total_swap_pages() or not PageSwapCache(page):
        return page_trans_huge_mapcount(page, mappings)
    if not PageTransCompound(page):
        count = page_trans_huge_mapcount(page, mappings)
        mappings.swapped = page_swapcount(page)
        return count + mappings.swapped
    head = compound_head(page)
    slot = head.private
    most = 0
    total = 0
    for i in range(HPAGE_PMD_NR):
        mapcount = (head + i)._mapcount + 1
        total += mapcount
        swapcount = __swp_swapcount(slot + i)
        mappings.swapped += swapcount
        most = max(most, mapcount + swapcount)
    if PageDoubleMap(head):
        most -= 1
        total -= HPAGE_PMD_NR
    compound = compound_mapcount(head)
    mappings.total = total + compound
    return most + compound


@restates("mm/swapfile.c", at="v4.14")
def reuse_swap_page(page: Page, mappings: MapCount) -> bool:
    """Whether no other process has any part of the page, so that it need not be copied.

    Requires: page lock. A page that is to be written to leaves the swap cache. Omits: pages that
    must not change while they are being written.
    """
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    if NR_STABLE_NODES and PageKsm(page):
        return False
    count = page_trans_huge_map_swapcount(page, mappings)
    if total_swap_pages():
        if count == 1 and PageSwapCache(page):
            # of a huge page: what is left of its swap entries will be freed soon
            if not PageTransCompound(page) or mappings.swapped == page_swapcount(page):
                if not PageWriteback(page):
                    head = compound_head(page)
                    delete_from_swap_cache(head)
                    SetPageDirty(head)
        mappings.total += mappings.swapped
    return count <= 1


from mmspec.spec.page.swap_state import delete_from_swap_cache  # noqa: E402
