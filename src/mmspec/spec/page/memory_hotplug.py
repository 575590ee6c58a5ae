"""Taking memory offline (mm/memory_hotplug.c): all that is in it is moved away."""

from __future__ import annotations

from mmspec.kernels.changes import (
    HOTREMOVE_COUNTS_WHAT_IT_ISOLATES,
    HOTREMOVE_MOVES_THP,
    HOTREMOVE_STEPS_OVER_ANY_PART,
    THP_MIGRATION,
)
from mmspec.lang import NULL, atomic, has, restates, u16, u32
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, USER_PAGES
from mmspec.spec.page.migrate import (
    MIGRATE_SYNC,
    PageList,
    PageToNode,
    list_add_page,
    list_is_empty,
    migrate_pages,
    putback_movable_pages,
)
from mmspec.spec.page.mm import (
    get_page_unless_zero,
    hpage_nr_pages,
    mod_node_page_state,
    page_count,
    page_to_nid,
    page_to_pfn,
)
from mmspec.spec.page.mm_types import EBUSY, NR_ISOLATED_ANON, Page, mem_map, pgdat
from mmspec.spec.page.page_alloc import ALL_NODES, new_page_nodemask
from mmspec.spec.page.page_flags import PageHead, PageLRU, PageTransHuge, compound_head
from mmspec.spec.page.swap import isolate_lru_page, put_page


@restates("mm/memory_hotplug.c", at="v4.14")
def new_node_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page on another node than the one that memory is taken from."""
    nid = page_to_nid(page)
    return new_page_nodemask(page, nid, ALL_NODES & ~(1 << (nid & 7)))


@restates("mm/memory_hotplug.c", at="v4.14")
def scan_movable_pages(start: u16, end: u16) -> u16:
    """The first frame with something that can be moved: on the LRU; `end` if there is none."""
    for pfn in range(start, end):
        if PageLRU(mem_map[pfn]):
            return pfn
    return end


@restates("mm/memory_hotplug.c", at="v4.14")
def do_migrate_range(start: u16, end: u16) -> int:
    """Isolate what is in a range, as much as a list holds, and migrate it.

    Nobody takes mmap_sem: what is found can be split, freed or moved by others meanwhile. Omits:
    what is movable without being on the LRU.
    """
    pagelist = PageList()
    not_managed = 0
    pfn = start
    while pfn < end and pagelist.nr < USER_PAGES:
        page = mem_map[pfn]
        if has(HOTREMOVE_MOVES_THP) and has(THP_MIGRATION):
            # a huge page moves whole: on to what follows it
            if has(HOTREMOVE_STEPS_OVER_ANY_PART):
                # there is no reference yet: it may be taken apart, or be one by now
                head = compound_head(page)
                if PageHead(head):
                    pfn = page_to_pfn(head) + HPAGE_PMD_NR - 1
            elif PageTransHuge(page):
                pfn += hpage_nr_pages(page) - 1
        pfn += 1
        if not get_page_unless_zero(page):
            continue
        ret = isolate_lru_page(page) if PageLRU(page) else -EBUSY
        put_page(page)
        if ret == 0:
            list_add_page(pagelist, page)
            if has(HOTREMOVE_COUNTS_WHAT_IT_ISOLATES):
                mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(page))
            else:
                mod_node_page_state(NR_ISOLATED_ANON, 1)
        elif page_count(page) != 0:
            not_managed += 1
            break
    if not_managed:
        putback_movable_pages(pagelist)
        return -EBUSY
    if list_is_empty(pagelist):
        return 0
    nr_failed = migrate_pages(pagelist, new_node_page, 0, NULL, MIGRATE_SYNC)
    if nr_failed:
        putback_movable_pages(pagelist)
    return nr_failed


@atomic
def start_isolate_page_range(start: u16, end: u16) -> None:
    """Nothing in the range is allocated from now on."""
    pgdat.isolated_start = start
    pgdat.isolated_end = end


@restates("mm/memory_hotplug.c", at="v4.14")
def offline_pages(start: u16, end: u16) -> int:
    """Take a range of frames offline: try until there is nothing left to move.

    Omits: giving up after many attempts; what is neither free nor movable.
    """
    start_isolate_page_range(start, end)
    while True:
        pfn = scan_movable_pages(start, end)
        if pfn == end:
            return 0
        do_migrate_range(pfn, end)
