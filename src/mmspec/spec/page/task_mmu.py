"""What /proc/PID tells of the memory of a process, and does to it (fs/proc/task_mmu.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    CLEAR_REFS_KEEPS_PMD_HUGE,
    CLEAR_REFS_SPARES_PINNED_PAGES,
    KSM_HEEDS_PENDING_FLUSHES,
    NO_MAPCOUNT_OF_MIGRATION_ENTRY,
    PAGEMAP_LOOKS_AGAIN,
    PAGEMAP_OFFSET_OF_SUBPAGE,
    PMD_MIGRATION_IN_COMMON_PATHS,
    SMAPS_COUNTS_MIGRATION_PMD,
    SOFT_DIRTY_OVER_THP_MIGRATION,
)
from mmspec.lang import (
    NULL,
    Array,
    OnStack,
    array,
    bug,
    commuting,
    has,
    i32,
    restates,
    u8,
    u16,
    u32,
    u64,
)
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import (
    is_migration_entry,
    is_pmd_migration_entry,
    is_swap_pmd,
    is_swap_pte,
    non_swap_entry,
    pmd_clear_soft_dirty,
    pmd_dirty,
    pmd_mkdirty,
    pmd_mkyoung,
    pmd_none,
    pmd_pfn,
    pmd_present,
    pmd_soft_dirty,
    pmd_trans_huge,
    pmd_wrprotect,
    pmd_young,
    pte_clear_soft_dirty,
    pte_dirty,
    pte_none,
    pte_pfn,
    pte_present,
    pte_soft_dirty,
    pte_swp_clear_soft_dirty,
    pte_swp_soft_dirty,
    pte_to_swp_entry,
    pte_write,
    pte_wrprotect,
    pte_young,
    swp_offset,
    swp_type,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_NR,
    HPAGE_PMD_SIZE,
    NR_MMS,
    NR_STABLE_NODES,
    NR_TABLES,
    PAGE_SHIFT,
    PAGE_SIZE,
    PINS,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_BASE,
    USER_END,
    USER_PAGES,
)
from mmspec.spec.page.gup import FollowedPage, follow_trans_huge_pmd
from mmspec.spec.page.huge_zero_page import is_huge_zero_pmd
from mmspec.spec.page.memory import vm_normal_page
from mmspec.spec.page.mm import page_count, page_mapcount, page_maybe_dma_pinned, pfn_to_page
from mmspec.spec.page.mm_types import MMF_HAS_PINNED, Mm, Page, Pmd, Pte, Vma, swap_info
from mmspec.spec.page.mmap import find_vma
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageDirty,
    PageReferenced,
    PageSwapBacked,
    page_is_young,
)
from mmspec.spec.page.pgtable import (
    dec_tlb_flush_pending,
    flush_tlb_mm,
    inc_tlb_flush_pending,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_page,
    pmd_table,
    pmd_trans_huge_lock,
    pmdp_huge_get_and_clear,
    pmdp_invalidate,
    pte_in,
    pte_index,
    ptep_get_and_clear,
    set_pmd_at,
    set_pte_at,
)
from mmspec.spec.page.swapfile import SWAP_HAS_CACHE
from mmspec.spec.page.swapops import migration_entry_to_page


@restates("fs/proc/task_mmu.c", at="v5.11")
def pte_is_pinned(vma: Vma, pte: u64) -> bool:
    """Whether a device may write where a PTE leads: read-only, the process would get a copy."""
    if not pte_write(pte) or not vma.vm_mm.flags & MMF_HAS_PINNED:
        return False
    page = vm_normal_page(pte)
    return page is not None and page_maybe_dma_pinned(page)


@restates("fs/proc/task_mmu.c", at="v4.14")
def clear_soft_dirty(vma: Vma, address: u32, pte: Pte) -> None:
    """The next store to the page is to be noticed. Requires: the PTE's lock."""
    ptent = pte.val
    if pte_present(ptent):
        if PINS and has(CLEAR_REFS_SPARES_PINNED_PAGES) and pte_is_pinned(vma, ptent):
            return
        ptent = ptep_get_and_clear(pte)
        set_pte_at(pte, pte_clear_soft_dirty(pte_wrprotect(ptent)))
    elif is_swap_pte(ptent):
        set_pte_at(pte, pte_swp_clear_soft_dirty(ptent))


@restates("fs/proc/task_mmu.c", at="v4.14")
def clear_soft_dirty_pmd(vma: Vma, address: u32, pmd: Pmd) -> None:
    """The same for a huge page. Requires: the PMD's lock."""
    pmdval = pmd.val
    if pmd_present(pmdval):
        # never none: who looks without the lock would pass it by
        pmdp_invalidate(vma, address, pmd)
        now = pmd.val
        if pmd_dirty(now):
            pmdval = pmd_mkdirty(pmdval)
        if pmd_young(now):
            pmdval = pmd_mkyoung(pmdval)
        set_pmd_at(pmd, pmd_clear_soft_dirty(pmd_wrprotect(pmdval)))
    elif has(SOFT_DIRTY_OVER_THP_MIGRATION) and is_pmd_migration_entry(pmdval):
        set_pmd_at(pmd, pte_swp_clear_soft_dirty(pmdval))


@clear_soft_dirty_pmd.before(CLEAR_REFS_KEEPS_PMD_HUGE, at="v4.10")
def clear_soft_dirty_pmd_by_way_of_none(vma: Vma, address: u32, pmd: Pmd) -> None:
    """The same; the PMD is none for a moment."""
    pmdval = pmdp_huge_get_and_clear(pmd)
    set_pmd_at(pmd, pmd_clear_soft_dirty(pmd_wrprotect(pmdval)))


@restates("fs/proc/task_mmu.c", at="v4.14")
def clear_refs_pte_range(vma: Vma, pmd: Pmd, start: u32, end: u32) -> None:
    """Clear soft-dirty bits below one PMD."""
    ptl = pmd_trans_huge_lock(pmd)
    if ptl:
        clear_soft_dirty_pmd(vma, start, pmd)
        spin_unlock(ptl)
        return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        return
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    address = start
    while address != end:
        clear_soft_dirty(vma, address, pte_in(table, address))
        address += PAGE_SIZE
    spin_unlock(table.ptl)


@restates("fs/proc/task_mmu.c", at="v4.14")
def clear_refs_write(mm: Mm) -> None:
    """Write 4 to /proc/PID/clear_refs. Omits: VM_SOFTDIRTY, and the write lock taken for it; where
    there is no KSM, that the flush is noted to be pending.
    """
    down_read(mm.mmap_sem)
    if NR_STABLE_NODES and has(KSM_HEEDS_PENDING_FLUSHES):
        inc_tlb_flush_pending(mm)
    mmu_notifier_invalidate_range_start(mm, USER_BASE, USER_END)
    vma = mm.mmap
    while vma:
        address = vma.vm_start
        while address < vma.vm_end:
            following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, vma.vm_end)
            clear_refs_pte_range(vma, pmd_offset(mm, address), address, following)
            address = following
        vma = vma.vm_next
    mmu_notifier_invalidate_range_end(mm, USER_BASE, USER_END)
    flush_tlb_mm(mm)
    if NR_STABLE_NODES and has(KSM_HEEDS_PENDING_FLUSHES):
        dec_tlb_flush_pending(mm)
    up_read(mm.mmap_sem)


# ------------------------------------------------------------------------------------- pagemap

PM_PFRAME_BITS = 55
PM_SOFT_DIRTY = 1 << 55
PM_MMAP_EXCLUSIVE = 1 << 56
PM_FILE = 1 << 61
PM_SWAP = 1 << 62
#: Not in the words here, which have 63 bits: `PagemapRead.present`.
PM_PRESENT = 1 << 63

MAX_SWAPFILES_SHIFT = 5


class PagemapRead(OnStack):
    """struct pagemapread: what is read of /proc/PID/pagemap, from `start` on.

    buffer: one word for each page, but for bit 63, which is in `present`. show_pfn: the reader has
    CAP_SYS_ADMIN, and is told frame numbers.
    """

    start: u32
    show_pfn: u8
    pos: u16 = 0
    buffer: Array[u64] = array(USER_PAGES)
    present: Array[u8] = array(USER_PAGES)


@commuting
def check_pagemap(pm: PagemapRead, mm: Mm, address: u32, frame: u32, flags: u64) -> None:
    """A page is told in its own place, by its own frame (checking).

    Requires: the lock of the entry, so that only accessed and dirty bits change.
    """
    if pm.start + pm.pos * PAGE_SIZE != address:
        bug("wrong report", "pagemap tells of a page in the place of another")
    pmdval = pmd_offset(mm, address).val
    index = pte_index(address)
    nr: u32 = index
    if pmd_present(pmdval) and not pmd_trans_huge(pmdval):
        pmdval = pmd_table(pmdval).pte[index].val
        nr = 0
    if flags & PM_SWAP:
        if pte_none(pmdval):
            bug("wrong report", "pagemap tells of a swap entry where nothing is")
        if frame >> MAX_SWAPFILES_SHIFT != swp_offset(pte_to_swp_entry(pmdval)) + nr:
            bug("wrong report", "pagemap gives a page the offset of another")
    elif frame and frame != pte_pfn(pmdval) + nr:
        bug("wrong report", "pagemap gives a page the frame of another")


@restates("fs/proc/task_mmu.c", at="v4.14")
def add_to_pagemap(pm: PagemapRead, frame: u32, flags: u64, present: bool) -> None:
    """One more word."""
    pm.buffer[pm.pos] = frame | flags
    pm.present[pm.pos] = present
    pm.pos += 1


@restates("fs/proc/task_mmu.c", at="v4.14")
def pagemap_pte_hole(pm: PagemapRead, start: u32, end: u32) -> None:
    """Where there are no page tables, nothing is told."""
    for _k in range((end - start) >> PAGE_SHIFT):
        add_to_pagemap(pm, 0, 0, False)


@restates("fs/proc/task_mmu.c", at="v4.14")
def pte_to_pagemap_entry(pm: PagemapRead, mm: Mm, address: u32, pte: u64) -> None:
    """Tell of one PTE. Requires: its lock."""
    frame: u32 = 0
    flags: u64 = 0
    page: Page = NULL
    migration = False
    if pte_present(pte):
        if pm.show_pfn:
            frame = pte_pfn(pte)
        page = pfn_to_page(pte_pfn(pte))
        if pte_soft_dirty(pte):
            flags |= PM_SOFT_DIRTY
    elif is_swap_pte(pte):
        if pte_swp_soft_dirty(pte):
            flags |= PM_SOFT_DIRTY
        entry = pte_to_swp_entry(pte)
        frame = swp_type(entry) | swp_offset(entry) << MAX_SWAPFILES_SHIFT
        flags |= PM_SWAP
        if is_migration_entry(entry):
            page = migration_entry_to_page(entry)
            migration = True
    if page and not PageAnon(page):
        flags |= PM_FILE
    if page and not (has(NO_MAPCOUNT_OF_MIGRATION_ENTRY) and migration):
        if page_mapcount(page) == 1:
            flags |= PM_MMAP_EXCLUSIVE
    check_pagemap(pm, mm, address, frame, flags)
    add_to_pagemap(pm, frame, flags, pte_present(pte))


@restates("fs/proc/task_mmu.c", at="v4.14")
def pagemap_pmd_range(pm: PagemapRead, vma: Vma, pmd: Pmd, start: u32, end: u32) -> bool:
    """Tell of what one PMD maps; False to look at it once more. Omits: VM_SOFTDIRTY.

    Bit 11 is looked at before it is known whether the PMD is present: with the type of a migration
    entry it is always set.
    """
    mm = vma.vm_mm
    address = start
    ptl = pmd_trans_huge_lock(pmd)
    if ptl:
        frame: u32 = 0
        flags: u64 = 0
        page: Page = NULL
        migration = False
        pmdval = pmd.val
        if pmd_soft_dirty(pmdval):
            flags |= PM_SOFT_DIRTY
        if pmd_present(pmdval):
            page = pmd_page(pmdval)
            if pm.show_pfn:
                frame = pmd_pfn(pmdval) + pte_index(start)
        elif has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval):
            entry = pte_to_swp_entry(pmdval)
            offset: u32 = swp_offset(entry)
            if has(PAGEMAP_OFFSET_OF_SUBPAGE):
                offset += pte_index(start)
            frame = swp_type(entry) | offset << MAX_SWAPFILES_SHIFT
            flags |= PM_SWAP
            if has(SOFT_DIRTY_OVER_THP_MIGRATION) and pte_swp_soft_dirty(pmdval):
                flags |= PM_SOFT_DIRTY
            assert is_pmd_migration_entry(pmdval), "VM_BUG_ON(!is_pmd_migration_entry(pmd))"
            page = migration_entry_to_page(entry)
            migration = True
        if page and not (has(NO_MAPCOUNT_OF_MIGRATION_ENTRY) and migration):
            if page_mapcount(page) == 1:
                flags |= PM_MMAP_EXCLUSIVE
        while address != end:
            check_pagemap(pm, mm, address, frame, flags)
            add_to_pagemap(pm, frame, flags, pmd_present(pmdval))
            if pmd_present(pmdval):
                if pm.show_pfn:
                    frame += 1
            elif has(PAGEMAP_OFFSET_OF_SUBPAGE) and flags & PM_SWAP:
                frame += 1 << MAX_SWAPFILES_SHIFT
            address += PAGE_SIZE
        spin_unlock(ptl)
        return True
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        # thrown away meanwhile, or mapped as a huge page
        return not has(PAGEMAP_LOOKS_AGAIN)
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    while address != end:
        pteval = pte_in(table, address).val
        pte_to_pagemap_entry(pm, mm, address, pteval)
        address += PAGE_SIZE
    spin_unlock(table.ptl)
    return True


@restates("fs/proc/task_mmu.c", at="v4.14")
def pagemap_read(mm: Mm, pm: PagemapRead, nr: u16) -> None:
    """Read `nr` words of /proc/PID/pagemap, those of one PMD at a time."""
    address = pm.start
    last: u32 = pm.start + nr * PAGE_SIZE
    while address < last:
        end = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, last)
        down_read(mm.mmap_sem)
        while address < end:
            vma = find_vma(mm, address)
            following = end
            pmd = pmd_offset(mm, address)
            pmdval: u64 = 0
            if vma:
                if address < vma.vm_start:
                    following = min(end, vma.vm_start)
                else:
                    following = min(end, vma.vm_end)
                    pmdval = pmd.val
            if pmd_none(pmdval):
                pagemap_pte_hole(pm, address, following)
            elif not pagemap_pmd_range(pm, vma, pmd, address, following):
                continue
            address = following
        up_read(mm.mmap_sem)


# --------------------------------------------------------------------------------------- smaps

PSS_SHIFT = 12
#: No sum is larger: said for the sake of the compiler, which has 63 bits.
PSS_MASK = (1 << 56) - 1


class MemSizeStats(OnStack):
    """struct mem_size_stats: sums of /proc/PID/smaps, in bytes; the two pss in 1/4096 bytes."""

    resident: u32 = 0
    shared_clean: u32 = 0
    shared_dirty: u32 = 0
    private_clean: u32 = 0
    private_dirty: u32 = 0
    referenced: u32 = 0
    anonymous: u32 = 0
    lazyfree: u32 = 0
    anonymous_thp: u32 = 0
    swap: u32 = 0
    pss: u64 = 0
    swap_pss: u64 = 0


@commuting
def check_resident(mm: Mm, start: u32, end: u32, told: u32) -> None:
    """What is told to be resident is what is counted as such: pages, and entries for pages on
    their way (checking). Requires: the lock of the entries.
    """
    pmdval = pmd_offset(mm, start).val
    resident: u32 = 0
    if not pmd_present(pmdval) or pmd_trans_huge(pmdval):
        if not is_huge_zero_pmd(pmdval):
            resident = end - start
    else:
        for i in range(PTRS_PER_PTE):
            if pte_index(start) <= i < pte_index(start) + ((end - start) >> PAGE_SHIFT):
                pte = pmd_table(pmdval).pte[i].val
                moving = is_swap_pte(pte) and is_migration_entry(pte_to_swp_entry(pte))
                if pte_present(pte) or moving:
                    resident += PAGE_SIZE
    if told != resident:
        bug("wrong report", "smaps does not tell of all that is resident")


def check_mapcount(mapcount: i32) -> None:
    """No page has more mappings than there are entries in page tables (checking)."""
    if mapcount > NR_MMS * PTRS_PER_PMD + NR_TABLES * PTRS_PER_PTE:
        bug("wrong report", "a page is told to have more mappings than there can be")


def add_pss(mss: MemSizeStats, nr: u16, mapcount: i32) -> None:
    """This process's share of pages that are mapped so often."""
    share: u32 = (PAGE_SIZE << PSS_SHIFT) // max(mapcount, 1)
    mss.pss = (mss.pss & PSS_MASK) + nr * share


@restates("fs/proc/task_mmu.c", at="v4.14")
def smaps_account(
    mss: MemSizeStats, page: Page, compound: bool, young: bool, dirty: bool, migration: bool
) -> None:
    """Count a page, or a huge page. Requires: the lock of the entry that maps it."""
    nr: u16 = HPAGE_PMD_NR if compound else 1
    size: u32 = nr * PAGE_SIZE
    if PageAnon(page):
        mss.anonymous += size
        if not dirty and not PageSwapBacked(page) and not PageDirty(page):
            mss.lazyfree += size
    mss.resident += size
    if young or page_is_young(page) or PageReferenced(page):
        mss.referenced += size
    # a single reference is that of a single mapping
    private = has(NO_MAPCOUNT_OF_MIGRATION_ENTRY) and migration
    if private or page_count(page) == 1:
        if dirty or PageDirty(page):
            mss.private_dirty += size
        else:
            mss.private_clean += size
        add_pss(mss, nr, 1)
        return
    for i in range(nr):
        subpage = page + i
        mapcount = page_mapcount(subpage)
        check_mapcount(mapcount)
        is_dirty = dirty or PageDirty(subpage)
        if mapcount >= 2:
            if is_dirty:
                mss.shared_dirty += PAGE_SIZE
            else:
                mss.shared_clean += PAGE_SIZE
            add_pss(mss, 1, mapcount)
        else:
            if is_dirty:
                mss.private_dirty += PAGE_SIZE
            else:
                mss.private_clean += PAGE_SIZE
            add_pss(mss, 1, 1)


@restates("fs/proc/task_mmu.c", at="v4.14")
def smaps_pte_entry(mss: MemSizeStats, pte: Pte) -> None:
    """Count what a PTE maps, or will map again. Requires: its lock."""
    ptent = pte.val
    page: Page = NULL
    migration = False
    if pte_present(ptent):
        page = pfn_to_page(pte_pfn(ptent))
    elif is_swap_pte(ptent):
        entry = pte_to_swp_entry(ptent)
        if not non_swap_entry(entry):
            mss.swap += PAGE_SIZE
            count = swap_info.swap_map[swp_offset(entry)] & ~SWAP_HAS_CACHE
            share: u32 = (PAGE_SIZE << PSS_SHIFT) // max(count, 1)
            mss.swap_pss = (mss.swap_pss & PSS_MASK) + share
        elif is_migration_entry(entry):
            page = migration_entry_to_page(entry)
            migration = True
    if not page:
        return
    ptent = pte.val
    smaps_account(mss, page, False, pte_young(ptent), pte_dirty(ptent), migration)


@restates("fs/proc/task_mmu.c", at="v4.14")
def smaps_pmd_entry(mss: MemSizeStats, vma: Vma, address: u32, pmd: Pmd) -> None:
    """Count a huge page, unless it is the huge zero page. Requires: the PMD's lock."""
    pmdval = pmd.val
    page: Page = NULL
    migration = False
    if pmd_present(pmdval):
        if is_huge_zero_pmd(pmdval):
            return
        found = FollowedPage()
        follow_trans_huge_pmd(vma, address, pmd, 0, found)
        page = found.page
    elif has(SMAPS_COUNTS_MIGRATION_PMD) and is_swap_pmd(pmdval):
        entry = pte_to_swp_entry(pmdval)
        if is_migration_entry(entry):
            page = migration_entry_to_page(entry)
            migration = True
    if not page:
        return
    assert PageAnon(page), "file pages are not part of the specification"
    mss.anonymous_thp += HPAGE_PMD_SIZE
    pmdval = pmd.val
    smaps_account(mss, page, True, pmd_young(pmdval), pmd_dirty(pmdval), migration)


@restates("fs/proc/task_mmu.c", at="v4.14")
def smaps_pte_range(mss: MemSizeStats, vma: Vma, pmd: Pmd, start: u32, end: u32) -> None:
    """Count what one PMD maps."""
    mm = vma.vm_mm
    before = mss.resident
    ptl = pmd_trans_huge_lock(pmd)
    if ptl:
        smaps_pmd_entry(mss, vma, start, pmd)
        check_resident(mm, start, end, mss.resident - before)
        spin_unlock(ptl)
        return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        return
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    address = start
    while address != end:
        smaps_pte_entry(mss, pte_in(table, address))
        address += PAGE_SIZE
    check_resident(mm, start, end, mss.resident - before)
    spin_unlock(table.ptl)


@restates("fs/proc/task_mmu.c", at="v4.14")
def show_smap(mm: Mm, mss: MemSizeStats) -> None:
    """Read /proc/PID/smaps_rollup: the sums over all VMAs."""
    down_read(mm.mmap_sem)
    vma = mm.mmap
    while vma:
        address = vma.vm_start
        while address < vma.vm_end:
            following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, vma.vm_end)
            pmd = pmd_offset(mm, address)
            pmdval = pmd.val
            if not pmd_none(pmdval):
                smaps_pte_range(mss, vma, pmd, address, following)
            address = following
        vma = vma.vm_next
    up_read(mm.mmap_sem)
