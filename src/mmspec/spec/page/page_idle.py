"""Which pages are not used: /sys/kernel/mm/page_idle/bitmap (mm/page_idle.c)."""

from __future__ import annotations

from mmspec.kernels.changes import PAGE_IDLE_COLLECTS_ACCESSES
from mmspec.lang import NULL, has, restates, u16, u32
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.sizes import NR_FRAMES, NR_STABLE_NODES
from mmspec.spec.page.filemap import trylock_page, unlock_page
from mmspec.spec.page.mm import get_page_unless_zero, page_mapped
from mmspec.spec.page.mm_types import Page, Vma, mem_map, pgdat
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageKsm,
    PageLRU,
    PG_idle,
    PG_young,
    clear_page_flags,
    page_is_idle,
    set_page_flags,
)
from mmspec.spec.page.page_vma_mapped import PageVmaMappedWalk, page_vma_mapped_walk
from mmspec.spec.page.pgtable import pmdp_test_and_clear_young, ptep_test_and_clear_young
from mmspec.spec.page.rmap import RmapWalkControl, page_lock_anon_vma_read, rmap_walk
from mmspec.spec.page.swap import put_page


@restates("mm/page_idle.c", at="v4.14")
def page_idle_get_page(pfn: u16) -> Page:
    """A frame's page with a reference, if user memory is made of it; else NULL."""
    page = mem_map[pfn]
    if not PageLRU(page) or not get_page_unless_zero(page):
        return NULL
    spin_lock(pgdat.lru_lock)
    on_lru = PageLRU(page)
    spin_unlock(pgdat.lru_lock)
    if not on_lru:
        put_page(page)
        return NULL
    return page


@restates("mm/page_idle.c", at="v4.14")
def page_idle_clear_pte_refs_one(page: Page, vma: Vma, address: u32, arg: u32) -> bool:
    """Clear the accessed bits of a VMA's mappings; if one was set the page is young."""
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    referenced = False
    while page_vma_mapped_walk(pvmw):
        if pvmw.pte:
            young = ptep_test_and_clear_young(pvmw.pte)
        else:
            young = pmdp_test_and_clear_young(pvmw.pmd)
        if has(PAGE_IDLE_COLLECTS_ACCESSES):
            referenced = referenced or young
        else:
            referenced = young
    if referenced:
        clear_page_flags(page, PG_idle)
        # for reclaim, to which the accessed bit was due
        set_page_flags(page, PG_young)
    return True


@restates("mm/page_idle.c", at="v4.14")
def page_idle_clear_pte_refs(page: Page) -> None:
    """Clear the accessed bits of all mappings. Omits: pages that are not anonymous."""
    rwc = RmapWalkControl(rmap_one=page_idle_clear_pte_refs_one, anon_lock=page_lock_anon_vma_read)
    if not page_mapped(page) or not PageAnon(page):
        return
    if NR_STABLE_NODES and PageKsm(page):
        if trylock_page(page):
            rmap_walk(page, rwc)
            unlock_page(page)
        return
    rmap_walk(page, rwc)


@restates("mm/page_idle.c", at="v4.14")
def page_idle_bitmap_read() -> None:
    """Read the bitmap: look at every page whether it has been used."""
    for pfn in range(NR_FRAMES):
        page = page_idle_get_page(pfn)
        if page:
            # used through an entry, perhaps
            if page_is_idle(page):
                page_idle_clear_pte_refs(page)
            put_page(page)


@restates("mm/page_idle.c", at="v4.14")
def page_idle_bitmap_write() -> None:
    """Write ones to the bitmap: every page is idle until it is used again."""
    for pfn in range(NR_FRAMES):
        page = page_idle_get_page(pfn)
        if page:
            page_idle_clear_pte_refs(page)
            set_page_flags(page, PG_idle)
            put_page(page)
