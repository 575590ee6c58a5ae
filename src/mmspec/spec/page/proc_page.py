"""What /proc/kpageflags and /proc/kpagecount tell of a frame (fs/proc/page.c).

No locks and no references: while others work, what is told need never have been true at once.
"""

from __future__ import annotations

from mmspec.lang import restates, u16, u64
from mmspec.spec.machine.sizes import NR_FRAMES, NR_STABLE_NODES
from mmspec.spec.page.huge_zero_page import is_huge_zero_page
from mmspec.spec.page.mm import page_mapcount, page_mapped, pfn_to_page
from mmspec.spec.page.mm_types import Page
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageHead,
    PageKsm,
    PageLRU,
    PageSwapCache,
    PageTail,
    PageTransCompound,
    PG_active,
    PG_dirty,
    PG_hwpoison,
    PG_locked,
    PG_lru,
    PG_mlocked,
    PG_private_2,
    PG_referenced,
    PG_swapbacked,
    PG_unevictable,
    PG_uptodate,
    PG_writeback,
    compound_head,
    page_is_idle,
)

KPF_LOCKED, KPF_REFERENCED, KPF_UPTODATE, KPF_DIRTY = 1 << 0, 1 << 2, 1 << 3, 1 << 4
KPF_LRU, KPF_ACTIVE, KPF_WRITEBACK, KPF_BUDDY = 1 << 5, 1 << 6, 1 << 8, 1 << 10
KPF_MMAP, KPF_ANON, KPF_SWAPCACHE, KPF_SWAPBACKED = 1 << 11, 1 << 12, 1 << 13, 1 << 14
KPF_COMPOUND_HEAD, KPF_COMPOUND_TAIL, KPF_UNEVICTABLE = 1 << 15, 1 << 16, 1 << 18
KPF_HWPOISON, KPF_NOPAGE, KPF_KSM, KPF_THP = 1 << 19, 1 << 20, 1 << 21, 1 << 22
KPF_ZERO_PAGE, KPF_IDLE = 1 << 24, 1 << 25
KPF_MLOCKED, KPF_PRIVATE_2 = 1 << 33, 1 << 36


def kpf_copy_bit(flags: u64, flag: u64, bit: u64) -> u64:
    """A bit of the page's flags in its place among those that are told."""
    if flags & flag:
        return bit
    return 0


@restates("fs/proc/page.c", at="v4.14")
def stable_page_flags(page: Page) -> u64:
    """The word of kpageflags for a page. Omits: the flags of pages that there are none of here.

    Bits of `flags` are those of this very page; what is asked of the page by name is asked of the
    head of a huge page.
    """
    k = page.flags
    u: u64 = 0
    if page_mapped(page):
        u |= KPF_MMAP
    if PageAnon(page):
        u |= KPF_ANON
    if NR_STABLE_NODES and PageKsm(page):
        u |= KPF_KSM
    if PageHead(page):
        u |= KPF_COMPOUND_HEAD
    if PageTail(page):
        u |= KPF_COMPOUND_TAIL
    if PageTransCompound(page):
        head = compound_head(page)
        if PageLRU(head) or PageAnon(head):
            u |= KPF_THP
        elif is_huge_zero_page(head):
            u |= KPF_ZERO_PAGE | KPF_THP
    if page.buddy:
        u |= KPF_BUDDY
    if page_is_idle(page):
        u |= KPF_IDLE
    u |= kpf_copy_bit(k, PG_locked, KPF_LOCKED)
    u |= kpf_copy_bit(k, PG_dirty, KPF_DIRTY)
    u |= kpf_copy_bit(k, PG_uptodate, KPF_UPTODATE)
    u |= kpf_copy_bit(k, PG_writeback, KPF_WRITEBACK)
    u |= kpf_copy_bit(k, PG_lru, KPF_LRU)
    u |= kpf_copy_bit(k, PG_referenced, KPF_REFERENCED)
    u |= kpf_copy_bit(k, PG_active, KPF_ACTIVE)
    if PageSwapCache(page):
        u |= KPF_SWAPCACHE
    u |= kpf_copy_bit(k, PG_swapbacked, KPF_SWAPBACKED)
    u |= kpf_copy_bit(k, PG_unevictable, KPF_UNEVICTABLE)
    u |= kpf_copy_bit(k, PG_mlocked, KPF_MLOCKED)
    u |= kpf_copy_bit(k, PG_hwpoison, KPF_HWPOISON)
    u |= kpf_copy_bit(k, PG_private_2, KPF_PRIVATE_2)
    return u


@restates("fs/proc/page.c", at="v4.14")
def kpageflags_read(pfn: u16) -> u64:
    """Read a word of /proc/kpageflags."""
    if pfn >= NR_FRAMES:
        return KPF_NOPAGE
    return stable_page_flags(pfn_to_page(pfn))


@restates("fs/proc/page.c", at="v4.14")
def kpagecount_read(pfn: u16) -> u64:
    """Read a word of /proc/kpagecount: how often the page is mapped."""
    if pfn >= NR_FRAMES:
        return 0
    return page_mapcount(pfn_to_page(pfn))
