"""Emptying a range of frames for who wants all of it (mm/compaction.c, mm/page_alloc.c)."""

from __future__ import annotations

from mmspec.kernels.changes import CONTIG_MOVES_THP, ISOLATION_COUNTS_ALL_MAPPINGS
from mmspec.lang import NULL, has, restates, u16, u32
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, USER_PAGES
from mmspec.spec.page.memory_hotplug import start_isolate_page_range
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
    page_mapcount,
    page_to_nid,
    total_mapcount,
)
from mmspec.spec.page.mm_types import EBUSY, NR_ISOLATED_ANON, Page, mem_map
from mmspec.spec.page.page_alloc import ALL_NODES, is_free_buddy_page, new_page_nodemask
from mmspec.spec.page.page_flags import PageCompound, PageLRU, PageTail
from mmspec.spec.page.swap import isolate_lru_page, put_page


@restates("mm/migrate.c", at="v5.9")
def alloc_migration_target(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page anywhere but in the range, on the same node if there is room."""
    return new_page_nodemask(page, page_to_nid(page), ALL_NODES)


@restates("mm/compaction.c", at="v6.1")
def isolate_migratepages_block(start: u16, end: u16, pagelist: PageList) -> None:
    """Isolate what is in a range, as much as a list holds, but for what is pinned."""
    pfn = start
    while pfn < end and pagelist.nr < USER_PAGES:
        page = mem_map[pfn]
        pfn += 1
        if PageTail(page) or not PageLRU(page):
            continue
        if not get_page_unless_zero(page):
            continue
        # Who has pinned it has a reference that is no mapping's. One is ours.
        if page_count(page) - 1 > total_mapcount(page):
            put_page(page)
            continue
        if isolate_lru_page(page) == 0:
            list_add_page(pagelist, page)
            mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(page))
            if PageCompound(page):
                pfn += HPAGE_PMD_NR - 1
        put_page(page)


@isolate_migratepages_block.before(ISOLATION_COUNTS_ALL_MAPPINGS, at="v6.0")
def isolate_migratepages_block_by_heads(start: u16, end: u16, pagelist: PageList) -> None:
    """The same; of a huge page that PTEs map, the mappings of one subpage are counted."""
    pfn = start
    while pfn < end and pagelist.nr < USER_PAGES:
        page = mem_map[pfn]
        pfn += 1
        if PageTail(page) or not PageLRU(page):
            continue
        if page_count(page) > page_mapcount(page):
            continue
        if not get_page_unless_zero(page):
            continue
        if isolate_lru_page(page) == 0:
            list_add_page(pagelist, page)
            mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(page))
            if PageCompound(page):
                pfn += HPAGE_PMD_NR - 1
        put_page(page)


@restates("mm/page_alloc.c", at="v6.1")
def alloc_contig_range(start: u16, end: u16) -> int:
    """Empty a range of frames; -EBUSY if that cannot be done. The frames stay free, and aside.

    Omits: undoing the isolation of the range; trying more than once.
    """
    if not has(CONTIG_MOVES_THP):
        for pfn in range(start, end):
            if PageCompound(mem_map[pfn]):
                # it would be left where it is
                return -EBUSY
    start_isolate_page_range(start, end)
    pagelist = PageList()
    isolate_migratepages_block(start, end, pagelist)
    if not list_is_empty(pagelist):
        if migrate_pages(pagelist, alloc_migration_target, 0, NULL, MIGRATE_SYNC) != 0:
            putback_movable_pages(pagelist)
    for pfn in range(start, end):
        if not is_free_buddy_page(mem_map[pfn]):
            return -EBUSY
    return 0
