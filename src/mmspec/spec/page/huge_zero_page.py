"""The huge zero page: one for all who only read what they never wrote (mm/huge_memory.c)."""

from __future__ import annotations

from mmspec.kernels.changes import HUGE_ZERO_PAGE_PER_MM, HUGE_ZERO_TEST_WANTS_PRESENT
from mmspec.lang import BUG_ON, NULL, atomic, has, restates, u64
from mmspec.spec.machine.pgtable import pmd_pfn, pmd_present
from mmspec.spec.machine.sizes import HPAGE_PMD_ORDER, USE_ZERO_PAGE
from mmspec.spec.page.mm import page_to_pfn
from mmspec.spec.page.mm_types import MMF_HUGE_ZERO_PAGE, Mm, Page, huge_zero
from mmspec.spec.page.page_alloc import (
    ALL_NODES,
    alloc_pages_nodemask,
    clear_huge_page,
    prep_transhuge_page,
)
from mmspec.spec.page.swap import put_page
from mmspec.spec.page.vmstat import VmEvent, count_vm_event


@restates("include/linux/huge_mm.h", at="v4.14")
def is_huge_zero_page(page: Page) -> bool:
    """Whether it is the huge zero page that there is now."""
    if not USE_ZERO_PAGE:
        return False
    return huge_zero.page is page


@restates("include/linux/huge_mm.h", at="v4.14")
def is_huge_zero_pmd(pmd: u64) -> bool:
    """Whether a PMD maps it. Frames are compared: what a PMD names need not be a page."""
    if not USE_ZERO_PAGE:
        return False
    if has(HUGE_ZERO_TEST_WANTS_PRESENT) and not pmd_present(pmd):
        return False
    zero_page = huge_zero.page
    return zero_page is not None and pmd_pfn(pmd) == page_to_pfn(zero_page)


@atomic
def _inc_not_zero() -> bool:
    if huge_zero.refcount == 0:
        return False
    huge_zero.refcount += 1
    return True


@atomic
def _cmpxchg_page(new: Page) -> bool:
    """Make a page the huge zero page, unless there is one."""
    if huge_zero.page:
        return False
    huge_zero.page = new
    return True


@restates("mm/huge_memory.c", at="v4.14")
def get_huge_zero_page() -> Page:
    """Use the huge zero page; NULL if there is none, and no memory for one.

    Omits: that its destructor is not a huge page's, which finds it on no list.
    """
    while not _inc_not_zero():
        zero_page = alloc_pages_nodemask(ALL_NODES, HPAGE_PMD_ORDER)
        if not zero_page:
            count_vm_event(VmEvent.THP_ZERO_PAGE_ALLOC_FAILED)
            return NULL
        count_vm_event(VmEvent.THP_ZERO_PAGE_ALLOC)
        prep_transhuge_page(zero_page)
        clear_huge_page(zero_page)
        if _cmpxchg_page(zero_page):
            # one more than ours: the shrinker gives it back
            huge_zero.refcount = 2
            break
        put_page(zero_page)
    return huge_zero.page


@atomic
def put_huge_zero_page() -> None:
    """One user less. The last reference is the shrinker's."""
    huge_zero.refcount -= 1
    BUG_ON(huge_zero.refcount == 0)


@atomic
def _test_and_set_flag(mm: Mm) -> bool:
    was = mm.flags & MMF_HUGE_ZERO_PAGE != 0
    mm.flags |= MMF_HUGE_ZERO_PAGE
    return was


@restates("mm/huge_memory.c", at="v4.14")
def mm_get_huge_zero_page(mm: Mm) -> Page:
    """The same, counted once for an address space, until that is taken down."""
    if mm.flags & MMF_HUGE_ZERO_PAGE:
        return huge_zero.page
    zero_page = get_huge_zero_page()
    if not zero_page:
        return NULL
    if _test_and_set_flag(mm):
        put_huge_zero_page()
    return huge_zero.page


@mm_get_huge_zero_page.before(HUGE_ZERO_PAGE_PER_MM, at="v4.8")
def get_huge_zero_page_for_a_mapping(mm: Mm) -> Page:
    """Before that, each mapping counted."""
    return get_huge_zero_page()


@restates("mm/huge_memory.c", at="v4.14")
def mm_put_huge_zero_page(mm: Mm) -> None:
    """An address space that is taken down uses it no more."""
    if USE_ZERO_PAGE and has(HUGE_ZERO_PAGE_PER_MM):
        if mm.flags & MMF_HUGE_ZERO_PAGE:
            put_huge_zero_page()


@atomic
def _freeze_refcount() -> bool:
    """Take the shrinker's reference if it is the last."""
    if huge_zero.refcount != 1:
        return False
    huge_zero.refcount = 0
    return True


@atomic
def _xchg_page() -> Page:
    zero_page = huge_zero.page
    huge_zero.page = NULL
    return zero_page


@restates("mm/huge_memory.c", at="v4.14")
def shrink_huge_zero_page_scan() -> None:
    """The shrinker: free the huge zero page if nobody uses it."""
    if _freeze_refcount():
        zero_page = _xchg_page()
        BUG_ON(zero_page is None)
        put_page(zero_page)
