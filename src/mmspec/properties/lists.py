"""Which pages are on which list, in every state."""

from __future__ import annotations

from mmspec.lang import u32
from mmspec.properties.property import always
from mmspec.spec.machine.sizes import NR_FRAMES
from mmspec.spec.page.deferred_list import SPLIT_QUEUE, list_next, page_deferred_list
from mmspec.spec.page.mm_types import mem_map, pgdat
from mmspec.spec.page.page_flags import PG_head, PG_lru


@always
def no_free_page_is_on_the_LRU() -> bool:
    """What is in the allocator's hands is on no list of the LRU."""
    for n in range(NR_FRAMES):
        if mem_map[n].buddy and mem_map[n].flags & PG_lru:
            return False
    return True


def _is_huge_page(node: u32) -> bool:
    """Whether a list_head belongs to a huge page that is in use."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if page_deferred_list(page) == node:
            return not page.buddy and page.flags & PG_head != 0
    return False


@always
def only_huge_pages_wait_to_be_split() -> bool:
    """While nobody changes it, the queue of deferred splits links huge pages that are in use, at
    most as many as it counts, and comes back to its head: what was freed or split is not on it.
    """
    if pgdat.split_queue_lock.locked:
        return True
    waiting = 0
    node = list_next(SPLIT_QUEUE)
    while node != SPLIT_QUEUE:
        waiting += 1
        if waiting > pgdat.split_queue_len or not _is_huge_page(node):
            return False
        node = list_next(node)
    return True
