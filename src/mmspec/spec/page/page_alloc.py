"""Page frames: allocation and freeing, with the checks that print "Bad page state".

A simplification of mm/page_alloc.c: no per-CPU lists, no watermarks, no reclaim. Free frames that
are poisoned, or in a range that is being taken offline, stay where they are. To allocate or to
free is one step, since nobody else has the page then. A block of HPAGE_PMD_NR aligned frames is
kept whole as long as others are already broken.
"""

from __future__ import annotations

from enum import IntEnum

from mmspec.kernels.changes import (
    HOTREMOVE_MOVES_THP,
    NEW_PAGE_PREPARED_IF_HUGE,
    THP_MIGRATION,
)
from mmspec.lang import NULL, asserting, atomic, bug, has, index_of, initializer, restates, u8, u16
from mmspec.spec.machine.sizes import (
    FRAMES_PER_NODE,
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    NR_FRAMES,
    NR_NODES,
    ZERO_PFN,
)
from mmspec.spec.page.deferred_list import INIT_LIST_HEAD
from mmspec.spec.page.mm import compound_mapcount, numa_node_id, page_to_nid
from mmspec.spec.page.mm_types import NUMA_NO_NODE, Page, Vma, mem_map, pgdat
from mmspec.spec.page.page_flags import (
    PAGE_FLAGS_CHECK_AT_FREE,
    PAGE_FLAGS_CHECK_AT_PREP,
    PAGE_MAPPING_FLAGS,
    PageTransHuge,
    PG_double_map,
    PG_head,
    PG_hwpoison,
    PG_uptodate,
)

TAIL_MAPPING = 0x400
#: What a free frame holds (CONFIG_PAGE_POISONING): that somebody does not clear it is noticed.
PAGE_POISON = 0xAA
ALL_NODES = (1 << NR_NODES) - 1


class BadPage(IntEnum):
    """Why a page is in a bad state, in the kernel's words."""

    OK = 0
    NONZERO_MAPCOUNT = 1
    NON_NULL_MAPPING = 2
    NONZERO_REFCOUNT = 3
    FLAGS_AT_FREE = 4
    NONZERO_COMPOUND_MAPCOUNT = 5
    CORRUPTED_TAIL_MAPPING = 6
    PAGE_TAIL_NOT_SET = 7
    COMPOUND_HEAD_NOT_CONSISTENT = 8
    NONZERO_COUNT = 9
    FLAGS_AT_PREP = 10


@restates("mm/page_alloc.c", at="v4.14")
def bad_page(page: Page, reason: BadPage) -> None:
    """Report: BUG: Bad page state in process ..., page dumped because: ..."""
    if reason == BadPage.NONZERO_MAPCOUNT:
        bug("Bad page state", "nonzero mapcount", page)
    if reason == BadPage.NON_NULL_MAPPING:
        bug("Bad page state", "non-NULL mapping", page)
    if reason == BadPage.NONZERO_REFCOUNT:
        bug("Bad page state", "nonzero _refcount", page)
    if reason == BadPage.FLAGS_AT_FREE:
        bug("Bad page state", "PAGE_FLAGS_CHECK_AT_FREE flag(s) set", page)
    if reason == BadPage.NONZERO_COMPOUND_MAPCOUNT:
        bug("Bad page state", "nonzero compound_mapcount", page)
    if reason == BadPage.CORRUPTED_TAIL_MAPPING:
        bug("Bad page state", "corrupted mapping in tail page", page)
    if reason == BadPage.PAGE_TAIL_NOT_SET:
        bug("Bad page state", "PageTail not set", page)
    if reason == BadPage.COMPOUND_HEAD_NOT_CONSISTENT:
        bug("Bad page state", "compound_head not consistent", page)
    if reason == BadPage.NONZERO_COUNT:
        bug("Bad page state", "nonzero _count", page)
    if reason == BadPage.FLAGS_AT_PREP:
        bug("Bad page state", "PAGE_FLAGS_CHECK_AT_PREP flag set", page)


# ------------------------------------------------------------------------------- allocation


def _may_be_taken(page: Page) -> bool:
    pfn = index_of(page)
    if not page.buddy or page.flags & PG_hwpoison:
        return False
    return pfn < pgdat.isolated_start or pfn >= pgdat.isolated_end


def _block_is_free(pfn: u16) -> bool:
    base = pfn & ~(HPAGE_PMD_NR - 1)
    for i in range(HPAGE_PMD_NR):
        if not _may_be_taken(mem_map[base + i]):
            return False
    return True


def _find_block(nid: u8) -> Page:
    for k in range(FRAMES_PER_NODE // HPAGE_PMD_NR):
        pfn = nid * FRAMES_PER_NODE + k * HPAGE_PMD_NR
        if _block_is_free(pfn):
            return mem_map[pfn]
    return NULL


def _find_frame(nid: u8) -> Page:
    whole: Page = NULL
    for k in range(FRAMES_PER_NODE):
        pfn = nid * FRAMES_PER_NODE + k
        if _may_be_taken(mem_map[pfn]):
            if not _block_is_free(pfn):
                return mem_map[pfn]
            if whole is NULL:
                whole = mem_map[pfn]
    return whole


@restates("mm/page_alloc.c", at="v4.14")
def check_new_page(page: Page) -> None:
    """What a free page must look like; damage done to it while it was free shows here."""
    reason = BadPage.OK
    if page._mapcount != -1:
        reason = BadPage.NONZERO_MAPCOUNT
    if page.mapping != 0:
        reason = BadPage.NON_NULL_MAPPING
    if page._refcount != 0:
        reason = BadPage.NONZERO_COUNT
    if page.flags & PAGE_FLAGS_CHECK_AT_PREP:
        reason = BadPage.FLAGS_AT_PREP
    if reason != BadPage.OK:
        bad_page(page, reason)


@restates("mm/page_alloc.c", at="v4.14")
def prep_compound_page(page: Page, order: u8) -> None:
    """Make a compound of a block of pages."""
    page.order = order
    page.flags |= PG_head
    for i in range(1, HPAGE_PMD_NR):
        tail = page + i
        tail._refcount = 0
        tail.mapping = TAIL_MAPPING
        tail.compound_head = index_of(page) + 1
    # compound_mapcount is the first tail's mapping word: -1
    (page + 1).mapping = -1


def _take(page: Page, order: u8) -> None:
    nr = 1
    if order:
        nr = HPAGE_PMD_NR
    for i in range(nr):
        p = page + i
        check_new_page(p)
        p.buddy = 0
        p.private = 0
        p.index = 0
    page._refcount = 1
    if order:
        prep_compound_page(page, order)


@atomic
def alloc_pages_nodemask(nodemask: u8, order: u8) -> Page:
    """A page or a huge page with one reference, on the first node of the mask with room; or NULL.

    Restates __alloc_pages_nodemask() and what it calls, down to prep_new_page().
    """
    for nid in range(NR_NODES):
        if nodemask >> nid & 1:
            page = _find_block(nid) if order else _find_frame(nid)
            if page:
                _take(page, order)
                return page
    return NULL


@restates("mm/mempolicy.c", at="v4.14")
def alloc_pages_vma(vma: Vma, order: u8) -> Page:
    """A page by the VMA's policy: its nodes only; without one, any node, nearest first."""
    nodemask = vma.vm_policy
    if not nodemask:
        nodemask = ALL_NODES
    return alloc_pages_nodemask(nodemask, order)


@restates("mm/mempolicy.c", at="v4.14")
def mpol_misplaced(page: Page, vma: Vma) -> int:
    """The node that a page should be on, if it is elsewhere: that of the processor which uses it.

    Omits: who used it before, which the scheduler asks first. A VMA bound to nodes is left alone.
    """
    if vma.vm_policy:
        return NUMA_NO_NODE
    polnid = numa_node_id()
    if page_to_nid(page) == polnid:
        return NUMA_NO_NODE
    return polnid


@initializer
def prep_transhuge_page(page: Page) -> None:
    """A new compound becomes a huge page, with its list_head for the deferred queue."""
    INIT_LIST_HEAD(page)


@restates("include/linux/migrate.h", at="v4.14")
def new_page_nodemask(page: Page, preferred_nid: u8, nodemask: u8) -> Page:
    """A page to move another to: on a node of the mask, the preferred one if there is room."""
    order = 0
    if has(HOTREMOVE_MOVES_THP) and has(THP_MIGRATION) and PageTransHuge(page):
        order = HPAGE_PMD_ORDER
    preferred = nodemask & 1 << (preferred_nid & 7)
    new_page = alloc_pages_nodemask(preferred, order)
    if not new_page:
        new_page = alloc_pages_nodemask(nodemask, order)
    if new_page and has(HOTREMOVE_MOVES_THP):
        if has(NEW_PAGE_PREPARED_IF_HUGE):
            huge = PageTransHuge(new_page)
        else:
            # where huge pages cannot be migrated, the new one is none
            huge = PageTransHuge(page)
        if huge:
            prep_transhuge_page(new_page)
    return new_page


@atomic
def is_free_buddy_page(page: Page) -> bool:
    """Whether the frame is in the allocator's hands."""
    return page.buddy != 0


# ---------------------------------------------------------------------------------- freeing


@restates("mm/page_alloc.c", at="v4.14")
def free_tail_pages_check(head: Page, page: Page, nr: u16) -> None:
    """What a tail must look like when its compound is freed: CONFIG_DEBUG_VM only."""
    if nr == 1:
        # the first tail: the word is the compound mapcount
        if compound_mapcount(page) != 0:
            bad_page(page, BadPage.NONZERO_COMPOUND_MAPCOUNT)
    elif nr != 2 and page.mapping != TAIL_MAPPING:
        bad_page(page, BadPage.CORRUPTED_TAIL_MAPPING)
    if page.compound_head == 0:
        bad_page(page, BadPage.PAGE_TAIL_NOT_SET)
    if page.compound_head != index_of(head) + 1:
        bad_page(page, BadPage.COMPOUND_HEAD_NOT_CONSISTENT)


@restates("mm/page_alloc.c", at="v4.14")
def free_pages_check(page: Page) -> None:
    """What any page must look like when it is freed; of several faults the last is named."""
    reason = BadPage.OK
    if page._mapcount != -1:
        reason = BadPage.NONZERO_MAPCOUNT
    if page.mapping != 0:
        reason = BadPage.NON_NULL_MAPPING
    if page._refcount != 0:
        reason = BadPage.NONZERO_REFCOUNT
    if page.flags & PAGE_FLAGS_CHECK_AT_FREE:
        reason = BadPage.FLAGS_AT_FREE
    if reason != BadPage.OK:
        bad_page(page, reason)


@restates("mm/page_alloc.c", at="v4.14")
def free_pages_prepare(page: Page, order: u8) -> None:
    """Check pages that are being freed, and clear what must not outlive them."""
    assert page.compound_head == 0, "VM_BUG_ON_PAGE(PageTail(page))"
    if order:
        assert page.order == order, "VM_BUG_ON_PAGE(compound_order(page) != order)"
        (page + 1).flags &= ~PG_double_map
        for i in range(1, HPAGE_PMD_NR):
            tail = page + i
            if asserting():
                free_tail_pages_check(page, tail, i)
            tail.mapping = 0
            tail.compound_head = 0
            free_pages_check(tail)
            tail.flags &= ~PAGE_FLAGS_CHECK_AT_PREP
    if page.mapping & PAGE_MAPPING_FLAGS:
        page.mapping = 0
    free_pages_check(page)
    page.flags &= ~PAGE_FLAGS_CHECK_AT_PREP
    page.order = 0


@atomic
def free_pages_ok(page: Page, order: u8) -> None:
    """Give pages back: __free_pages_ok(), and free_hot_cold_page() for one."""
    free_pages_prepare(page, order)
    nr = 1
    if order:
        nr = HPAGE_PMD_NR
    for i in range(nr):
        p = page + i
        p.buddy = 1
        p.index = 0
        p.private = 0
        p.data = PAGE_POISON
        p.moved = 0


@initializer
def page_alloc_init() -> None:
    """All frames are free, but the zero page."""
    for pfn in range(NR_FRAMES):
        mem_map[pfn]._mapcount = -1
        mem_map[pfn].buddy = 1
        mem_map[pfn].data = PAGE_POISON
    mem_map[ZERO_PFN]._mapcount = -1
    mem_map[ZERO_PFN]._refcount = 1


@initializer
def clear_highpage(page: Page) -> None:
    """Zero a frame that nobody else has."""
    page.data = 0


@restates("mm/memory.c", at="v4.14")
def clear_huge_page(page: Page) -> None:
    """Zero all frames of a huge page that nobody else has."""
    for i in range(HPAGE_PMD_NR):
        clear_highpage(page + i)


@atomic
def copy_highpage(to: Page, source: Page) -> None:
    """Copy a frame."""
    to.data = source.data


@atomic
def copy_moved_highpage(to: Page, source: Page) -> None:
    """copy_highpage() to a frame that takes its place: nobody may reach the source any more."""
    to.data = source.data
    source.moved = 1


@initializer
def SetPageUptodate(page: Page) -> None:
    """The page's data is there; nobody else has the page yet."""
    page.flags |= PG_uptodate
