"""MADV_HWPOISON and MADV_SOFT_OFFLINE: to say that one's own memory is broken (mm/madvise.c)."""

from __future__ import annotations

from mmspec.lang import restates, this_task, u32
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE
from mmspec.spec.page.gup import FOLL_GET, FollowedPage, get_user_pages_fast
from mmspec.spec.page.memory_failure import (
    MF_COUNT_INCREASED,
    give_up,
    memory_failure,
    soft_offline_page,
)
from mmspec.spec.page.mm import page_to_pfn
from mmspec.spec.page.mm_types import tasks
from mmspec.spec.page.page_flags import PageHead, PageHWPoison, compound_head
from mmspec.spec.page.swap import put_page


@restates("mm/madvise.c", at="v4.14")
def madvise_inject_error(soft: bool, start: u32, end: u32) -> int:
    """What a range has is broken, or about to break: pages that it lacks are faulted in."""
    found = FollowedPage()
    address = start
    while address < end:
        ret = get_user_pages_fast(tasks[this_task()].mm, address, FOLL_GET, found)
        if ret != 1:
            return ret
        page = found.page
        # of a huge page one is enough
        size: u32 = PAGE_SIZE
        if PageHead(compound_head(page)):
            size = HPAGE_PMD_SIZE
        if PageHWPoison(page):
            put_page(page)
        elif soft:
            ret = soft_offline_page(page, MF_COUNT_INCREASED)
            if ret != 0:
                return ret
        else:
            ret = memory_failure(page_to_pfn(page), MF_COUNT_INCREASED)
            if ret != 0:
                return ret
            give_up(page)
        address += size
    return 0
