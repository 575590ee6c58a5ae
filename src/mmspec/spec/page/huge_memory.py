"""Transparent huge pages: faults, copying, zapping, splitting (mm/huge_memory.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    DIRTY_BEFORE_WRITE_BIT,
    FORK_SPLITS_PINNED_THP,
    FREEZE_CHECKS_PMD_UNDER_LOCK,
    FREEZE_IN_ONE_CALL,
    FREEZE_SPLITS_PMD_IN_WALK,
    HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH,
    HUGE_ZERO_PAGE_PER_MM,
    MADV_FREE_KEEPS_PMD_HUGE,
    MIGRATED_THP_MLOCKED_IF_PMD_ONLY,
    MIGRATION_KEEPS_YOUNG_AND_DIRTY,
    MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
    MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT,
    MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE,
    NUMA_FAULT_FLUSHES_UNDER_LOCK,
    NUMA_FAULT_HOLDS_WHAT_IT_WAITS_FOR,
    NUMA_HINT_CLEARED_UNDER_PAGE_LOCK,
    NUMA_MIGRATION_NEEDS_ANON_VMA,
    NUMA_MOVES_THP_AS_ANY_PAGE,
    PMD_MIGRATION_IN_COMMON_PATHS,
    PMD_MIGRATION_KEEPS_DIRTY,
    PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER,
    PMD_SPLIT_INVALIDATES_PRESENT_ONLY,
    PMD_SPLIT_KEEPS_DIRTY,
    PMD_SPLIT_KEEPS_SOFT_DIRTY,
    PMD_SPLIT_UNDER_PAGE_LOCK,
    PMDP_INVALIDATE_RETURNS_OLD,
    PROTECTING_KEEPS_PMD_HUGE,
    SOFT_DIRTY_OVER_THP_MIGRATION,
    SPLIT_FREEZE_FLAG,
    SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED,
    SPLIT_TAIL_PUBLISHED_LAST,
    SPLIT_WAITS_FOR_ZAP,
    SPLIT_WARNS_IF_MAPPED,
    THP_MIGRATION,
    THP_WP_UNDER_PAGE_LOCK,
    UFFD_WP_OVER_THP_MIGRATION,
    USERFAULTFD_WP,
    WP_COUNTS_THP_MAPPINGS,
    WP_TESTS_HUGE_ZERO_ONCE,
)
from mmspec.kernels.drafts import (
    CONVERT_PRESENT_PMD_ONLY,
    FREEZE_WITHOUT_PMD_SPLIT,
    PMD_ENTRY_BY_WAY_OF_NONE,
    PMD_ENTRY_WITHOUT_FLUSH,
    PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS,
    SPLIT_ANY_PMD,
    ZAP_KEEPS_TABLE_OF_MIGRATION_PMD,
    ZAP_UNMAPS_MIGRATION_PMD,
)
from mmspec.lang import (
    BUG_ON,
    NULL,
    Array,
    OnStack,
    acquired,
    asserting,
    atomic,
    bug,
    commuting,
    has,
    initializer,
    pointers,
    restates,
    u8,
    u16,
    u32,
    u64,
)
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    _PAGE_PSE,
    is_migration_entry_dirty,
    is_migration_entry_young,
    is_pmd_migration_entry,
    is_swap_pmd,
    is_write_migration_entry,
    make_migration_entry_read,
    make_migration_entry_young_dirty,
    pfn_pte,
    pmd_dirty,
    pmd_mkclean,
    pmd_mkdirty,
    pmd_mkold,
    pmd_mksoft_dirty,
    pmd_mkwrite,
    pmd_mkyoung,
    pmd_modify,
    pmd_none,
    pmd_present,
    pmd_protnone,
    pmd_soft_dirty,
    pmd_trans_huge,
    pmd_write,
    pmd_wrprotect,
    pmd_young,
    pte_clear_uffd_wp,
    pte_dirty,
    pte_mkdirty,
    pte_mkold,
    pte_mksoft_dirty,
    pte_mkspecial,
    pte_mkuffd_wp,
    pte_pfn,
    pte_present,
    pte_swp_clear_uffd_wp,
    pte_swp_mksoft_dirty,
    pte_swp_mkuffd_wp,
    pte_swp_soft_dirty,
    pte_swp_uffd_wp,
    pte_to_swp_entry,
    pte_uffd_wp,
    pte_write,
    pte_wrprotect,
    swp_entry_to_pte,
    swp_offset,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    NR_FRAMES,
    PAGE_SIZE,
    PINS,
    USE_ZERO_PAGE,
    ZERO_PFN,
)
from mmspec.spec.page.deferred_list import (
    SPLIT_QUEUE,
    list_add_tail,
    list_del,
    list_del_init,
    list_empty,
    list_move_to_stack,
    list_next,
    list_page,
    list_splice_from_stack,
    page_deferred_list,
)
from mmspec.spec.page.filemap import lock_page, trylock_page, unlock_page, wait_on_page_locked
from mmspec.spec.page.huge_zero_page import (
    is_huge_zero_pmd,
    mm_get_huge_zero_page,
    put_huge_zero_page,
)
from mmspec.spec.page.mlock import clear_page_mlock, mlock_vma_page
from mmspec.spec.page.mm import (
    MM_CP_PROT_NUMA,
    MM_CP_UFFD_WP,
    MM_CP_UFFD_WP_RESOLVE,
    VM_WARN_ON_ONCE_PAGE,
    add_mm_counter,
    add_nr_ptes,
    check_stable_address_space,
    compound_mapcount,
    compound_mapcount_dec,
    get_page,
    get_page_unless_zero,
    mapcount_dec,
    mapcount_inc,
    mod_node_page_state,
    page_count,
    page_mapcount,
    page_mapped,
    page_maybe_dma_pinned,
    page_ref_add,
    page_ref_count,
    page_ref_freeze,
    page_ref_inc,
    pfn_to_page,
    total_mapcount,
)
from mmspec.spec.page.mm_types import (
    EAGAIN,
    EBUSY,
    ENOMEM,
    MM_ANONPAGES,
    MM_FILEPAGES,
    MMF_HAS_PINNED,
    NR_ANON_THPS,
    NUMA_NO_NODE,
    VM_LOCKED,
    VM_UFFD_MISSING,
    Mm,
    Page,
    PageTable,
    Pmd,
    Pte,
    Vma,
    mem_map,
    pgdat,
)
from mmspec.spec.page.mmu_gather import MmuGather, tlb_remove_page, tlb_remove_pmd_tlb_entry
from mmspec.spec.page.page_alloc import (
    TAIL_MAPPING,
    SetPageUptodate,
    alloc_pages_vma,
    clear_huge_page,
    copy_highpage,
    mpol_misplaced,
    prep_transhuge_page,
)
from mmspec.spec.page.page_flags import (
    PAGE_FLAGS_CHECK_AT_PREP,
    PageAnon,
    PageCompound,
    PageDirty,
    PageDoubleMap,
    PageHead,
    PageLocked,
    PageLRU,
    PageMlocked,
    PageSwapCache,
    PageTransHuge,
    PageWriteback,
    PG_active,
    PG_dirty,
    PG_head,
    PG_idle,
    PG_locked,
    PG_lru,
    PG_mlocked,
    PG_referenced,
    PG_swapbacked,
    PG_swapcache,
    PG_unevictable,
    PG_uptodate,
    PG_young,
    SetPageDirty,
    TestClearPageDoubleMap,
    TestSetPageDoubleMap,
    clear_page_flags,
    compound_head,
    set_page_dirty,
    set_page_flags,
)
from mmspec.spec.page.page_vma_mapped import PageVmaMappedWalk, page_check_address
from mmspec.spec.page.pgtable import (
    __pmd_trans_huge_lock,
    flush_tlb_range,
    init_pte,
    maybe_mkwrite,
    mk_huge_pmd,
    mk_pte,
    mm_tlb_flush_pending,
    pgtable_trans_huge_deposit,
    pgtable_trans_huge_withdraw,
    pmd_lock,
    pmd_lockptr,
    pmd_offset,
    pmd_page,
    pmd_page_is,
    pmd_populate,
    pmd_trans_huge_lock,
    pmdp_huge_clear_flush,
    pmdp_huge_get_and_clear,
    pmdp_huge_get_and_clear_full,
    pmdp_invalidate,
    pmdp_set_wrprotect,
    pte_alloc_one,
    pte_free,
    ptep_get_and_clear,
    set_pmd_at,
    set_pte_at,
)
from mmspec.spec.page.rmap import (
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_MLOCK,
    TTU_MIGRATION,
    TTU_RMAP_LOCKED,
    TTU_SPLIT_FREEZE,
    TTU_SPLIT_HUGE_PMD,
    TTU_SYNC,
    anon_vma_lock_write,
    anon_vma_prepare,
    anon_vma_unlock_read,
    anon_vma_unlock_write,
    page_add_anon_rmap,
    page_add_new_anon_rmap,
    page_dup_rmap,
    page_get_anon_vma,
    page_lock_anon_vma_read,
    page_remove_rmap,
    put_anon_vma,
    try_to_unmap,
)
from mmspec.spec.page.swap import (
    lru_cache_add_active_or_unevictable,
    mark_page_lazyfree,
    put_page,
)
from mmspec.spec.page.swapfile import (
    MapCount,
    page_trans_huge_mapcount,
    reuse_swap_page,
    split_swap_cluster,
    total_swap_pages,
)
from mmspec.spec.page.swapops import make_migration_entry
from mmspec.spec.page.vmstat import VmEvent, count_vm_event

FAULT_FLAG_WRITE, FAULT_FLAG_ALLOW_RETRY = 1, 4
VM_FAULT_OOM, VM_FAULT_FALLBACK, VM_FAULT_WRITE, VM_FAULT_RETRY = 1, 2, 4, 8
VM_FAULT_HWPOISON, VM_FAULT_SIGBUS = 16, 32
VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_HWPOISON | VM_FAULT_SIGBUS


class VmFault(OnStack):
    """struct vm_fault: one page fault on its way."""

    vma: Vma
    address: u32
    flags: u8
    pmd: Pmd = NULL
    orig_pte: u64 = 0
    pte: Pte = NULL
    ptl: SpinLock = NULL
    page: Page = NULL


# ----------------------------------------------------------------------------------- faults


@initializer
def _assert_compound(page: Page) -> None:
    """Nobody else has the page yet."""
    assert page.flags & PG_head, "VM_BUG_ON_PAGE(!PageCompound(page))"


@restates("mm/huge_memory.c", at="v4.14")
def __do_huge_pmd_anonymous_page(vmf: VmFault, page: Page) -> u8:
    """Map a new huge page."""
    vma = vmf.vma
    haddr = vmf.address & HPAGE_PMD_MASK
    _assert_compound(page)
    pgtable = pte_alloc_one()
    if not pgtable:
        put_page(page)
        return VM_FAULT_OOM
    clear_huge_page(page)
    # what is in the page must be visible before the page is
    SetPageUptodate(page)
    vmf.ptl = pmd_lock(vmf.pmd)
    pmdval = vmf.pmd.val
    if not pmd_none(pmdval):
        spin_unlock(vmf.ptl)
        pte_free(pgtable)
        put_page(page)
        return 0
    if check_stable_address_space(vma.vm_mm):
        spin_unlock(vmf.ptl)
        put_page(page)
        pte_free(pgtable)
        return VM_FAULT_OOM
    if userfaultfd_missing(vma):
        spin_unlock(vmf.ptl)
        put_page(page)
        pte_free(pgtable)
        return handle_userfault(vmf, VM_UFFD_MISSING)
    entry = mk_huge_pmd(page, vma.vm_page_prot)
    entry = maybe_mkwrite(pmd_mkdirty(entry), vma)
    page_add_new_anon_rmap(page, vma, haddr, True)
    lru_cache_add_active_or_unevictable(page, vma)
    pgtable_trans_huge_deposit(vmf.pmd, pgtable)
    set_pmd_at(vmf.pmd, entry)
    add_mm_counter(vma.vm_mm, MM_ANONPAGES, HPAGE_PMD_NR)
    add_nr_ptes(vma.vm_mm, 1)
    spin_unlock(vmf.ptl)
    count_vm_event(VmEvent.THP_FAULT_ALLOC)
    return 0


@restates("mm/huge_memory.c", at="v4.14")
def set_huge_zero_page(pgtable: PageTable, mm: Mm, vma: Vma, pmd: Pmd, zero_page: Page) -> bool:
    """Map the huge zero page, not counted; False if the PMD is taken. Requires: its lock."""
    pmdval = pmd.val
    if not pmd_none(pmdval):
        return False
    pgtable_trans_huge_deposit(pmd, pgtable)
    set_pmd_at(pmd, mk_huge_pmd(zero_page, vma.vm_page_prot))
    add_nr_ptes(mm, 1)
    return True


@restates("mm/huge_memory.c", at="v4.14")
def do_huge_pmd_anonymous_page(vmf: VmFault) -> u8:
    """A fault where nothing is mapped yet: try a huge page, or to read the huge zero page."""
    vma = vmf.vma
    haddr = vmf.address & HPAGE_PMD_MASK
    if haddr < vma.vm_start or haddr + HPAGE_PMD_SIZE > vma.vm_end:
        return VM_FAULT_FALLBACK
    if anon_vma_prepare(vma):
        return VM_FAULT_OOM
    if USE_ZERO_PAGE and not vmf.flags & FAULT_FLAG_WRITE:
        pgtable = pte_alloc_one()
        if not pgtable:
            return VM_FAULT_OOM
        zero_page = mm_get_huge_zero_page(vma.vm_mm)
        if not zero_page:
            pte_free(pgtable)
            count_vm_event(VmEvent.THP_FAULT_FALLBACK)
            return VM_FAULT_FALLBACK
        vmf.ptl = pmd_lock(vmf.pmd)
        set_ = set_huge_zero_page(pgtable, vma.vm_mm, vma, vmf.pmd, zero_page)
        spin_unlock(vmf.ptl)
        if not set_:
            pte_free(pgtable)
            if not has(HUGE_ZERO_PAGE_PER_MM):
                put_huge_zero_page()
        return 0
    page = alloc_pages_vma(vma, HPAGE_PMD_ORDER)
    if not page:
        count_vm_event(VmEvent.THP_FAULT_FALLBACK)
        return VM_FAULT_FALLBACK
    prep_transhuge_page(page)
    return __do_huge_pmd_anonymous_page(vmf, page)


@atomic
def pmdp_set_access_flags(pmd: Pmd, entry: u64, dirty: bool) -> None:
    """Store an entry that only permits more than the present one (x86: only if dirty)."""
    if dirty:
        pmd.val = entry


@restates("mm/huge_memory.c", at="v4.14")
def huge_pmd_set_accessed(vmf: VmFault, orig_pmd: u64) -> None:
    """The processor found a huge PMD unusable, and now it is not: note the access."""
    vmf.ptl = pmd_lock(vmf.pmd)
    pmdval = vmf.pmd.val
    if pmdval == orig_pmd:
        entry = pmd_mkyoung(orig_pmd)
        write = vmf.flags & FAULT_FLAG_WRITE != 0
        if write:
            entry = pmd_mkdirty(entry)
        pmdp_set_access_flags(vmf.pmd, entry, write)
    spin_unlock(vmf.ptl)


class Subpages(OnStack):
    """The new base pages of a copied huge page."""

    pages: Array[Page] = pointers(HPAGE_PMD_NR)


@restates("mm/huge_memory.c", at="v4.14")
def do_huge_pmd_wp_page_fallback(vmf: VmFault, orig_pmd: u64, page: Page) -> u8:
    """Copy a huge page to base pages, because there is no huge page to copy it to."""
    vma = vmf.vma
    haddr = vmf.address & HPAGE_PMD_MASK
    new = Subpages()
    for i in range(HPAGE_PMD_NR):
        copied = alloc_pages_vma(vma, 0)
        if not copied:
            for k in range(HPAGE_PMD_NR):
                given = new.pages[k]
                if given:
                    put_page(given)
            return VM_FAULT_OOM
        new.pages[i] = copied
    for i in range(HPAGE_PMD_NR):
        copied = new.pages[i]
        copy_highpage(copied, page + i)
        SetPageUptodate(copied)

    mmu_notifier_invalidate_range_start(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
    vmf.ptl = pmd_lock(vmf.pmd)
    pmdval = vmf.pmd.val
    if pmdval != orig_pmd:
        spin_unlock(vmf.ptl)
        mmu_notifier_invalidate_range_end(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
        for k in range(HPAGE_PMD_NR):
            put_page(new.pages[k])
        return 0
    assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    # the PMD stays empty until the PTEs are there
    pmdp_huge_clear_flush(vma, haddr, vmf.pmd)
    pgtable = pgtable_trans_huge_withdraw(vmf.pmd)
    for i in range(HPAGE_PMD_NR):
        copied = new.pages[i]
        entry = mk_pte(copied, vma.vm_page_prot)
        entry = maybe_mkwrite(pte_mkdirty(entry), vma)
        page_add_new_anon_rmap(copied, vma, haddr + i * PAGE_SIZE, False)
        lru_cache_add_active_or_unevictable(copied, vma)
        init_pte(pgtable.pte[i], entry)
    pmd_populate(vmf.pmd, pgtable)
    page_remove_rmap(page, True)
    spin_unlock(vmf.ptl)
    mmu_notifier_invalidate_range_end(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
    put_page(page)
    return VM_FAULT_WRITE


@commuting
def _assert_anon_vma(vma: Vma) -> None:
    """What is mapped has an anon_vma, and nobody changes that before it is unmapped."""
    assert vma.anon_vma, "VM_BUG_ON_VMA(!vma->anon_vma)"


@restates("mm/huge_memory.c", at="v4.14")
def do_huge_pmd_wp_page(vmf: VmFault, orig_pmd: u64) -> u8:
    """A store to a read-only huge page: reuse it if it is ours alone, else copy it."""
    vma = vmf.vma
    haddr = vmf.address & HPAGE_PMD_MASK
    vmf.ptl = pmd_lockptr(vmf.pmd)
    _assert_anon_vma(vma)
    page: Page = NULL
    if not is_huge_zero_pmd(orig_pmd):
        spin_lock(vmf.ptl)
        pmdval = vmf.pmd.val
        if pmdval != orig_pmd:
            spin_unlock(vmf.ptl)
            return 0
        page = pmd_page(orig_pmd)
        assert PageHead(page), "VM_BUG_ON_PAGE(!PageCompound(page) || !PageHead(page))"
        mappings = MapCount()
        if has(THP_WP_UNDER_PAGE_LOCK):
            if not trylock_page(page):
                get_page(page)
                spin_unlock(vmf.ptl)
                lock_page(page)
                spin_lock(vmf.ptl)
                pmdval = vmf.pmd.val
                if pmdval != orig_pmd:
                    unlock_page(page)
                    put_page(page)
                    spin_unlock(vmf.ptl)
                    return 0
                put_page(page)
        if not has(WP_COUNTS_THP_MAPPINGS):
            # each mapping holds a reference: with one of each there is no other
            reuse = page_mapcount(page) == 1 and page_count(page) == 1
        elif has(THP_WP_UNDER_PAGE_LOCK):
            reuse = reuse_swap_page(page, mappings)
        else:
            reuse = page_trans_huge_mapcount(page, mappings) == 1
        if reuse:
            entry = pmd_mkyoung(orig_pmd)
            entry = maybe_mkwrite(pmd_mkdirty(entry), vma)
            pmdp_set_access_flags(vmf.pmd, entry, True)
            if has(THP_WP_UNDER_PAGE_LOCK):
                unlock_page(page)
            spin_unlock(vmf.ptl)
            return VM_FAULT_WRITE
        if has(THP_WP_UNDER_PAGE_LOCK):
            unlock_page(page)
        get_page(page)
        spin_unlock(vmf.ptl)

    new_page = alloc_pages_vma(vma, HPAGE_PMD_ORDER)
    if not new_page:
        if not page:
            split_huge_pmd(vma, vmf.pmd, vmf.address)
            count_vm_event(VmEvent.THP_FAULT_FALLBACK)
            return VM_FAULT_FALLBACK
        ret = do_huge_pmd_wp_page_fallback(vmf, orig_pmd, page)
        if ret & VM_FAULT_OOM:
            split_huge_pmd(vma, vmf.pmd, vmf.address)
            ret |= VM_FAULT_FALLBACK
        put_page(page)
        count_vm_event(VmEvent.THP_FAULT_FALLBACK)
        return ret
    prep_transhuge_page(new_page)
    count_vm_event(VmEvent.THP_FAULT_ALLOC)
    zero = page is None
    if not has(WP_TESTS_HUGE_ZERO_ONCE):
        # what was the huge zero page may be none by now
        zero = is_huge_zero_pmd(orig_pmd)
    if zero:
        clear_huge_page(new_page)
    else:
        for i in range(HPAGE_PMD_NR):
            copy_highpage(new_page + i, page + i)
    SetPageUptodate(new_page)

    mmu_notifier_invalidate_range_start(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
    spin_lock(vmf.ptl)
    if page:
        put_page(page)
    pmdval = vmf.pmd.val
    if pmdval != orig_pmd:
        spin_unlock(vmf.ptl)
        put_page(new_page)
        mmu_notifier_invalidate_range_end(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
        return 0
    entry = mk_huge_pmd(new_page, vma.vm_page_prot)
    entry = maybe_mkwrite(pmd_mkdirty(entry), vma)
    pmdp_huge_clear_flush(vma, haddr, vmf.pmd)
    page_add_new_anon_rmap(new_page, vma, haddr, True)
    lru_cache_add_active_or_unevictable(new_page, vma)
    set_pmd_at(vmf.pmd, entry)
    if not page:
        add_mm_counter(vma.vm_mm, MM_ANONPAGES, HPAGE_PMD_NR)
        if not has(HUGE_ZERO_PAGE_PER_MM):
            put_huge_zero_page()
    else:
        assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
        page_remove_rmap(page, True)
        put_page(page)
    spin_unlock(vmf.ptl)
    mmu_notifier_invalidate_range_end(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
    return VM_FAULT_WRITE


# ------------------------------------------------------------------------------ NUMA balancing


@restates("mm/migrate.c", at="v4.14")
def pmd_trans_migrating(pmd: u64) -> bool:
    """Whether the page may be on its way: who moves it has its lock."""
    return PageLocked(pmd_page(pmd))


def wait_on_numa_page(vmf: VmFault, page: Page) -> None:
    """Wait until whoever moves a page is done with it. Drops the PMD's lock."""
    if has(NUMA_FAULT_HOLDS_WHAT_IT_WAITS_FOR):
        if not get_page_unless_zero(page):
            spin_unlock(vmf.ptl)
            return
        spin_unlock(vmf.ptl)
        wait_on_page_locked(page)
        put_page(page)
    else:
        spin_unlock(vmf.ptl)
        wait_on_page_locked(page)


@restates("mm/huge_memory.c", at="v4.14")
def clear_pmdnuma(vmf: VmFault, pmd: u64, page: Page) -> None:
    """The huge page stays: it can be accessed again. Requires: the PMD's lock; drops it, and the
    page's.
    """
    if has(NUMA_HINT_CLEARED_UNDER_PAGE_LOCK):
        BUG_ON(not PageLocked(page))
    else:
        unlock_page(page)
    entry = pmd_mkyoung(pmd_modify(pmd, vmf.vma.vm_page_prot))
    if pmd_write(pmd):
        entry = pmd_mkwrite(entry)
    set_pmd_at(vmf.pmd, entry)
    if has(NUMA_HINT_CLEARED_UNDER_PAGE_LOCK):
        unlock_page(page)
    spin_unlock(vmf.ptl)


@restates("mm/huge_memory.c", at="v5.14")
def do_huge_pmd_numa_page(vmf: VmFault, pmd: u64) -> u8:
    """A hint that a huge page is used here: move it here if it is elsewhere, as any page is moved.

    Omits: statistics, and what they decide.
    """
    vma = vmf.vma
    vmf.ptl = pmd_lock(vmf.pmd)
    pmdval = vmf.pmd.val
    if pmdval != pmd:
        spin_unlock(vmf.ptl)
        return 0
    page = pmd_page(pmd)
    get_page(page)
    target_nid = mpol_misplaced(page, vma)
    if target_nid == NUMA_NO_NODE:
        put_page(page)
    else:
        spin_unlock(vmf.ptl)
        if migrate_misplaced_page(page, target_nid):
            return 0
        spin_lock(vmf.ptl)
        pmdval = vmf.pmd.val
        if pmdval != pmd:
            spin_unlock(vmf.ptl)
            return 0
    entry = pmd_mkyoung(pmd_modify(pmd, vma.vm_page_prot))
    if pmd_write(pmd):
        entry = pmd_mkwrite(entry)
    set_pmd_at(vmf.pmd, entry)
    spin_unlock(vmf.ptl)
    return 0


@do_huge_pmd_numa_page.before(NUMA_MOVES_THP_AS_ANY_PAGE, at="v4.14")
def do_huge_pmd_numa_page_its_own_way(vmf: VmFault, pmd: u64) -> u8:
    """The same, when there were no migration entries for huge pages."""
    vma = vmf.vma
    haddr = vmf.address & HPAGE_PMD_MASK
    vmf.ptl = pmd_lock(vmf.pmd)
    pmdval = vmf.pmd.val
    if pmdval != pmd:
        spin_unlock(vmf.ptl)
        return 0
    page = pmd_page(pmd)
    # somebody may be moving it: keep the hint, and try again when that is done
    if pmd_trans_migrating(pmd):
        wait_on_numa_page(vmf, page)
        return 0
    page_locked = trylock_page(page)
    target_nid = mpol_misplaced(page, vma)
    if target_nid == NUMA_NO_NODE and page_locked:
        # locked: nobody is moving it
        clear_pmdnuma(vmf, pmd, page)
        return 0
    # a move may have begun since
    if not page_locked:
        wait_on_numa_page(vmf, page)
        return 0
    # the page lock is against other moves, the anon_vma's against splits
    get_page(page)
    spin_unlock(vmf.ptl)
    anon_vma = page_lock_anon_vma_read(page)
    spin_lock(vmf.ptl)
    pmdval = vmf.pmd.val
    if pmdval != pmd:
        unlock_page(page)
        put_page(page)
        spin_unlock(vmf.ptl)
    elif has(NUMA_MIGRATION_NEEDS_ANON_VMA) and not anon_vma:
        put_page(page)
        clear_pmdnuma(vmf, pmd, page)
    else:
        # This processor has seen that access is denied. Others must not write to the page any more
        # when it is copied.
        if has(NUMA_FAULT_FLUSHES_UNDER_LOCK) and mm_tlb_flush_pending(vma.vm_mm):
            flush_tlb_range(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
        spin_unlock(vmf.ptl)
        migrate_misplaced_transhuge_page(vma, vmf.pmd, pmd, haddr, page, target_nid)
    if anon_vma:
        anon_vma_unlock_read(anon_vma)
    return 0


# ------------------------------------------------------------------------------------- fork


@restates("mm/huge_memory.c", at="v4.14")
def copy_huge_pmd(
    dst_mm: Mm, src_mm: Mm, dst_pmd: Pmd, src_pmd: Pmd, address: u32, vma: Vma
) -> int:
    """Share a huge page with a child; -EAGAIN if there is none by now."""
    pgtable = pte_alloc_one()
    if not pgtable:
        return -ENOMEM
    dst_ptl = pmd_lock(dst_pmd)
    src_ptl = pmd_lockptr(src_pmd)
    spin_lock(src_ptl)
    ret = -EAGAIN
    pmd = src_pmd.val
    if has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmd):
        assert is_pmd_migration_entry(pmd), "VM_BUG_ON(!is_pmd_migration_entry(pmd))"
        entry = pte_to_swp_entry(pmd)
        if is_write_migration_entry(entry):
            soft_dirty = pte_swp_soft_dirty(pmd)
            pmd = swp_entry_to_pte(make_migration_entry_read(entry))
            if has(SOFT_DIRTY_OVER_THP_MIGRATION) and soft_dirty:
                pmd = pte_swp_mksoft_dirty(pmd)
            set_pmd_at(src_pmd, pmd)
        add_mm_counter(dst_mm, MM_ANONPAGES, HPAGE_PMD_NR)
        add_nr_ptes(dst_mm, 1)
        pgtable_trans_huge_deposit(dst_pmd, pgtable)
        set_pmd_at(dst_pmd, pmd)
        ret = 0
    elif not pmd_trans_huge(pmd):
        pte_free(pgtable)
    elif is_huge_zero_pmd(pmd):
        # the parent uses it: there is one
        zero_page = mm_get_huge_zero_page(dst_mm)
        set_huge_zero_page(pgtable, dst_mm, vma, dst_pmd, zero_page)
        ret = 0
    else:
        src_page = pmd_page(pmd)
        assert PageHead(src_page), "VM_BUG_ON_PAGE(!PageHead(src_page))"
        if PINS and has(FORK_SPLITS_PINNED_THP) and src_mm.flags & MMF_HAS_PINNED:
            if page_maybe_dma_pinned(src_page):
                # its pages are copied one by one
                pte_free(pgtable)
                spin_unlock(src_ptl)
                spin_unlock(dst_ptl)
                __split_huge_pmd(vma, src_pmd, address, False, NULL)
                return -EAGAIN
        get_page(src_page)
        page_dup_rmap(src_page, True)
        add_mm_counter(dst_mm, MM_ANONPAGES, HPAGE_PMD_NR)
        add_nr_ptes(dst_mm, 1)
        pgtable_trans_huge_deposit(dst_pmd, pgtable)
        pmdp_set_wrprotect(src_pmd)
        pmd = pmd_mkold(pmd_wrprotect(pmd))
        set_pmd_at(dst_pmd, pmd)
        ret = 0
    spin_unlock(src_ptl)
    spin_unlock(dst_ptl)
    return ret


# -------------------------------------------------------------------------------------- zap


@restates("mm/huge_memory.c", at="v4.14")
def zap_deposited_table(mm: Mm, pmd: Pmd) -> None:
    """Free the table that was set aside for a PMD."""
    pgtable = pgtable_trans_huge_withdraw(pmd)
    pte_free(pgtable)
    add_nr_ptes(mm, -1)


@restates("mm/huge_memory.c", at="v4.14")
def zap_huge_pmd(tlb: MmuGather, vma: Vma, pmd: Pmd, address: u32) -> bool:
    """Unmap a whole huge page; False if there is none by now."""
    ptl = __pmd_trans_huge_lock(pmd)
    if not ptl:
        return False
    mm = vma.vm_mm
    orig_pmd = pmdp_huge_get_and_clear_full(mm, address, pmd)
    tlb_remove_pmd_tlb_entry(tlb, address)
    page: Page = NULL
    if is_huge_zero_pmd(orig_pmd):
        zap_deposited_table(mm, pmd)
        spin_unlock(ptl)
        if has(HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH):
            tlb_remove_page(tlb, pmd_page(orig_pmd))
        else:
            # processors may still read it
            put_huge_zero_page()
        return True
    flush_needed = True
    if not has(THP_MIGRATION) or pmd_present(orig_pmd):
        page = pmd_page(orig_pmd)
        page_remove_rmap(page, True)
        assert page_mapcount(page) >= 0, "VM_BUG_ON_PAGE(page_mapcount(page) < 0)"
        assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    else:
        assert is_pmd_migration_entry(orig_pmd), "VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"
        page = pfn_to_page(swp_offset(pte_to_swp_entry(orig_pmd)))
        flush_needed = False
        if has(ZAP_UNMAPS_MIGRATION_PMD):
            page_remove_rmap(page, True)
            flush_needed = True
    if PageAnon(page):
        if not has(ZAP_KEEPS_TABLE_OF_MIGRATION_PMD) or pmd_present(orig_pmd):
            zap_deposited_table(mm, pmd)
        add_mm_counter(mm, MM_ANONPAGES, -HPAGE_PMD_NR)
    else:
        add_mm_counter(mm, MM_FILEPAGES, -HPAGE_PMD_NR)
    spin_unlock(ptl)
    if flush_needed:
        tlb_remove_page(tlb, page)
    return True


# --------------------------------------------------------------------------------- mprotect


@restates("mm/huge_memory.c", at="v4.14")
def change_huge_pmd(vma: Vma, pmd: Pmd, address: u32, newprot: u64, cp_flags: u8) -> int:
    """Change the protection of a huge page: 0 if there is none by now, 1 if nothing is to be
    flushed, else how many pages.

    For NUMA hints mmap_sem is held for reading only: MADV_DONTNEED must not find the PMD none.
    """
    ptl = __pmd_trans_huge_lock(pmd)
    if not ptl:
        return 0
    entry = pmd.val
    if has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(entry):
        assert is_pmd_migration_entry(entry), "VM_BUG_ON(!is_pmd_migration_entry(*pmd))"
        swp = pte_to_swp_entry(entry)
        newpmd = entry
        if is_write_migration_entry(swp):
            # whether it may be writable is hard to say: the next store faults
            newpmd = swp_entry_to_pte(make_migration_entry_read(swp))
            if has(SOFT_DIRTY_OVER_THP_MIGRATION) and pte_swp_soft_dirty(entry):
                newpmd = pte_swp_mksoft_dirty(newpmd)
            if has(USERFAULTFD_WP) and pte_swp_uffd_wp(entry):
                newpmd = pte_swp_mkuffd_wp(newpmd)
        if has(UFFD_WP_OVER_THP_MIGRATION):
            if cp_flags & MM_CP_UFFD_WP:
                newpmd = pte_swp_mkuffd_wp(newpmd)
            elif cp_flags & MM_CP_UFFD_WP_RESOLVE:
                newpmd = pte_swp_clear_uffd_wp(newpmd)
        if newpmd != entry:
            set_pmd_at(pmd, newpmd)
        spin_unlock(ptl)
        return 1
    prot_numa = cp_flags & MM_CP_PROT_NUMA != 0
    # the zero page is everybody's
    if prot_numa and (pmd_protnone(entry) or is_huge_zero_pmd(entry)):
        spin_unlock(ptl)
        return 1
    preserve_write = prot_numa and pmd_write(entry)
    if not has(PROTECTING_KEEPS_PMD_HUGE):
        entry = pmdp_huge_get_and_clear(pmd)
    elif has(PMDP_INVALIDATE_RETURNS_OLD):
        entry = pmdp_invalidate(vma, address, pmd)
    else:
        pmdp_invalidate(vma, address, pmd)
        # what the processor has set by then
        now = pmd.val
        if pmd_dirty(now):
            entry = pmd_mkdirty(entry)
        if pmd_young(now):
            entry = pmd_mkyoung(entry)
    entry = pmd_modify(entry, newprot)
    if preserve_write:
        # so that it need not be found out again
        entry = pmd_mkwrite(entry)
    if has(USERFAULTFD_WP) and cp_flags & MM_CP_UFFD_WP:
        entry = pte_mkuffd_wp(entry)
    elif has(USERFAULTFD_WP) and cp_flags & MM_CP_UFFD_WP_RESOLVE:
        entry = pte_clear_uffd_wp(entry)
    set_pmd_at(pmd, entry)
    BUG_ON(not preserve_write and pmd_write(entry))
    spin_unlock(ptl)
    return HPAGE_PMD_NR


# -------------------------------------------------------------------------------- MADV_FREE


@restates("mm/huge_memory.c", at="v4.14")
def madvise_free_huge_pmd(tlb: MmuGather, vma: Vma, pmd: Pmd, start: u32, end: u32) -> bool:
    """MADV_FREE of a huge page that nobody else maps; False if there is none, or not any more."""
    ptl = pmd_trans_huge_lock(pmd)
    if not ptl:
        return False
    orig_pmd = pmd.val
    if is_huge_zero_pmd(orig_pmd):
        spin_unlock(ptl)
        return False
    if has(THP_MIGRATION) and not pmd_present(orig_pmd):
        assert is_pmd_migration_entry(orig_pmd), "VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"
        spin_unlock(ptl)
        return False
    page = pmd_page(orig_pmd)
    if page_mapcount(page) != 1 or not trylock_page(page):
        spin_unlock(ptl)
        return False
    if end - start != HPAGE_PMD_SIZE:
        # a part of it: the rest stays as it is
        get_page(page)
        spin_unlock(ptl)
        split_huge_page(page)
        unlock_page(page)
        put_page(page)
        return False
    clear_page_flags(page, PG_dirty)
    unlock_page(page)
    if pmd_young(orig_pmd) or pmd_dirty(orig_pmd):
        if has(MADV_FREE_KEEPS_PMD_HUGE):
            # never none: who looks without the lock would pass it by
            pmdp_invalidate(vma, start, pmd)
        else:
            pmdp_huge_get_and_clear(pmd)
        may_read_as_zero(vma.vm_mm, start, page, HPAGE_PMD_NR, True)
        set_pmd_at(pmd, pmd_mkclean(pmd_mkold(orig_pmd)))
        tlb_remove_pmd_tlb_entry(tlb, start)
    else:
        may_read_as_zero(vma.vm_mm, start, page, HPAGE_PMD_NR, False)
    mark_page_lazyfree(page)
    spin_unlock(ptl)
    return True


# ------------------------------------------------------------------------------ splitting PMDs


@restates("mm/huge_memory.c", at="v4.14")
def __split_huge_zero_page_pmd(vma: Vma, haddr: u32, pmd: Pmd) -> None:
    """Replace the huge zero page by as many mappings of the zero page. Requires: the PMD's lock."""
    # the PMD stays empty until the PTEs are there
    pmdp_huge_clear_flush(vma, haddr, pmd)
    pgtable = pgtable_trans_huge_withdraw(pmd)
    for i in range(HPAGE_PMD_NR):
        init_pte(pgtable.pte[i], pte_mkspecial(pfn_pte(ZERO_PFN, vma.vm_page_prot)))
    pmd_populate(pmd, pgtable)
    if not has(HUGE_ZERO_PAGE_PER_MM):
        put_huge_zero_page()


@restates("mm/huge_memory.c", at="v4.14")
def __split_huge_pmd_locked(vma: Vma, pmd: Pmd, haddr: u32, freeze: bool) -> None:
    """Replace a huge PMD by a table of PTEs; to freeze, of migration entries.

    Requires: the PMD's lock.
    """
    assert haddr & ~HPAGE_PMD_MASK == 0, "VM_BUG_ON(haddr & ~HPAGE_PMD_MASK)"
    assert vma.vm_start <= haddr, "VM_BUG_ON_VMA(vma->vm_start > haddr)"
    assert vma.vm_end >= haddr + HPAGE_PMD_SIZE, "VM_BUG_ON_VMA(vma->vm_end < haddr + SIZE)"
    pmdval = pmd.val
    pmd_migration = has(THP_MIGRATION) and is_pmd_migration_entry(pmdval)
    assert pmd_migration or pmd_trans_huge(pmdval), (
        "VM_BUG_ON(!is_pmd_migration_entry(*pmd) && !pmd_trans_huge(*pmd))"
    )
    count_vm_event(VmEvent.THP_SPLIT_PMD)
    if is_huge_zero_pmd(pmdval):
        __split_huge_zero_page_pmd(vma, haddr, pmd)
        return
    invalidate = True
    if has(PMD_SPLIT_INVALIDATES_PRESENT_ONLY):
        invalidate = not pmd_migration
    if has(PMDP_INVALIDATE_RETURNS_OLD) and invalidate:
        # Up to here user code uses the huge page. Small and huge translations of one address must
        # not be cached together: not present first, then flush, then, at the end, the table.
        pmdval = pmdp_invalidate(vma, haddr, pmd)
    if pmd_migration:
        page = pfn_to_page(swp_offset(pte_to_swp_entry(pmdval)))
    else:
        page = pmd_page(pmdval)
    if not (has(MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE) and pmd_migration):
        assert page_count(page) != 0, "VM_BUG_ON_PAGE(!page_count(page))"
        page_ref_add(page, HPAGE_PMD_NR - 1)
    if not has(PMDP_INVALIDATE_RETURNS_OLD):
        pmdval = pmd.val
    if has(MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS) and pmd_migration:
        write = is_write_migration_entry(pte_to_swp_entry(pmdval))
        young = False
        dirty = False
        if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY):
            young = is_migration_entry_young(pte_to_swp_entry(pmdval))
            dirty = is_migration_entry_dirty(pte_to_swp_entry(pmdval))
        soft_dirty = pte_swp_soft_dirty(pmdval)
    else:
        # of a migration entry these bits mean something else
        write = pmd_write(pmdval)
        young = pmd_young(pmdval)
        dirty = pmd_dirty(pmdval)
        soft_dirty = pmd_soft_dirty(pmdval)
    uffd_wp = False
    if has(USERFAULTFD_WP):
        uffd_wp = pte_swp_uffd_wp(pmdval) if pmd_migration else pte_uffd_wp(pmdval)

    pgtable = pgtable_trans_huge_withdraw(pmd)
    for i in range(HPAGE_PMD_NR):
        if freeze or pmd_migration:
            swp_entry = make_migration_entry(page + i, write)
            if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY):
                swp_entry = make_migration_entry_young_dirty(swp_entry, young, dirty)
            entry = swp_entry_to_pte(swp_entry)
            if has(PMD_SPLIT_KEEPS_SOFT_DIRTY) and soft_dirty:
                entry = pte_swp_mksoft_dirty(entry)
            if uffd_wp:
                entry = pte_swp_mkuffd_wp(entry)
        else:
            entry = mk_pte(page + i, vma.vm_page_prot)
            entry = maybe_mkwrite(entry, vma)
            if not write:
                entry = pte_wrprotect(entry)
            if not young:
                entry = pte_mkold(entry)
            if has(PMD_SPLIT_KEEPS_DIRTY) and dirty:
                entry = pte_mkdirty(entry)
                if has(DIRTY_BEFORE_WRITE_BIT) and not write:
                    entry = pte_wrprotect(entry)
            if has(PMD_SPLIT_KEEPS_SOFT_DIRTY) and soft_dirty:
                entry = pte_mksoft_dirty(entry)
            if uffd_wp:
                entry = pte_mkuffd_wp(entry)
        # what is being migrated has been marked before
        if dirty and not (has(MIGRATION_KEEPS_YOUNG_AND_DIRTY) and pmd_migration):
            SetPageDirty(page + i)
        init_pte(pgtable.pte[i], entry)
        if not (has(MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT) and pmd_migration):
            mapcount_inc(page + i)

    # what is being migrated is not mapped
    if not (has(MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT) and pmd_migration):
        # PG_double_map before the compound mapcount drops: page_mapped() must never be false
        # meanwhile
        if compound_mapcount(page) > 1 and not TestSetPageDoubleMap(page):
            for i in range(HPAGE_PMD_NR):
                mapcount_inc(page + i)
        if compound_mapcount_dec(page):
            # the last PMD mapping is gone
            mod_node_page_state(NR_ANON_THPS, -1)
            if TestClearPageDoubleMap(page):
                for i in range(HPAGE_PMD_NR):
                    mapcount_dec(page + i)

    if not has(PMDP_INVALIDATE_RETURNS_OLD) and invalidate:
        # Up to here the PMD is huge, and user code uses it. Small and huge translations of one
        # address must not be cached together: not present first, then flush, then the table.
        pmdp_invalidate(vma, haddr, pmd)
    pmd_populate(pmd, pgtable)

    if freeze:
        for i in range(HPAGE_PMD_NR):
            page_remove_rmap(page + i, False)
            put_page(page + i)


@restates("mm/huge_memory.c", at="v4.14")
def __split_huge_pmd(vma: Vma, pmd: Pmd, address: u32, freeze: bool, page: Page) -> None:
    """Split a huge PMD, if it is one, and of `page` if that is given."""
    mm = vma.vm_mm
    haddr = address & HPAGE_PMD_MASK
    mmu_notifier_invalidate_range_start(mm, haddr, haddr + HPAGE_PMD_SIZE)
    ptl = pmd_lock(pmd)
    # to freeze, the page must be known: else a wrong one could be replaced
    assert not freeze or page, "VM_BUG_ON(freeze && !page)"
    pmdval = pmd.val
    if page and not has(SPLIT_ANY_PMD) and not pmd_page_is(pmdval, page):
        spin_unlock(ptl)
        mmu_notifier_invalidate_range_end(mm, haddr, haddr + HPAGE_PMD_SIZE)
        return
    locked: Page = NULL
    if has(PMD_SPLIT_UNDER_PAGE_LOCK) and not page:
        # who asks how often the page is mapped holds its lock: nobody may move mappings meanwhile
        while not locked and pmd_trans_huge(pmdval):
            huge = pmd_page(pmdval)
            if trylock_page(huge):
                locked = huge
                break
            get_page(huge)
            spin_unlock(ptl)
            lock_page(huge)
            spin_lock(ptl)
            again = pmd.val
            if again == pmdval:
                locked = huge
            else:
                unlock_page(huge)
                pmdval = again
            put_page(huge)
    if pmd_trans_huge(pmdval):
        huge = pmd_page(pmdval)
        if PageMlocked(huge):
            clear_page_mlock(huge)
    elif not (has(THP_MIGRATION) and is_pmd_migration_entry(pmdval)):
        spin_unlock(ptl)
        mmu_notifier_invalidate_range_end(mm, haddr, haddr + HPAGE_PMD_SIZE)
        return
    if has(PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS) and locked:
        get_page(locked)
    __split_huge_pmd_locked(vma, pmd, haddr, freeze)
    spin_unlock(ptl)
    if has(PMD_SPLIT_UNDER_PAGE_LOCK) and locked:
        unlock_page(locked)
    if has(PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS) and locked:
        put_page(locked)
    mmu_notifier_invalidate_range_end(mm, haddr, haddr + HPAGE_PMD_SIZE)


@restates("mm/huge_memory.c", at="v4.14")
def split_huge_pmd_address(vma: Vma, address: u32, freeze: bool, page: Page) -> None:
    """Split the huge PMD at an address."""
    pmd = pmd_offset(vma.vm_mm, address)
    if not has(FREEZE_CHECKS_PMD_UNDER_LOCK):
        # whoever rewrites the PMD can have made it none for a moment
        pmdval = pmd.val
        if not pmd_present(pmdval) or not pmd_trans_huge(pmdval):
            return
    __split_huge_pmd(vma, pmd, address, freeze, page)


@restates("include/linux/huge_mm.h", at="v4.14")
def split_huge_pmd(vma: Vma, pmd: Pmd, address: u32) -> None:
    """Split a huge PMD if it looks like one."""
    pmdval = pmd.val
    huge = pmd_trans_huge(pmdval) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval))
    if huge:
        __split_huge_pmd(vma, pmd, address, False, NULL)


# ----------------------------------------------------------------------------- splitting pages


@restates("mm/huge_memory.c", at="v4.14")
def freeze_page(page: Page) -> None:
    """Replace every mapping of a huge page by migration entries in PTEs."""
    freeze = TTU_SPLIT_FREEZE if has(SPLIT_FREEZE_FLAG) else TTU_MIGRATION
    ttu_flags = TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS | TTU_RMAP_LOCKED
    if not has(FREEZE_WITHOUT_PMD_SPLIT):
        ttu_flags |= TTU_SPLIT_HUGE_PMD
    assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    if PageAnon(page):
        ttu_flags |= freeze
    if has(SPLIT_WAITS_FOR_ZAP):
        ttu_flags |= TTU_SYNC
    unmap_success = try_to_unmap(page, ttu_flags)
    if has(FREEZE_SPLITS_PMD_IN_WALK):
        # by then there were pages that could not be unmapped, for good reasons
        return
    if has(SPLIT_WARNS_IF_MAPPED):
        VM_WARN_ON_ONCE_PAGE(page_mapped(page), page)
    else:
        assert unmap_success, "VM_BUG_ON_PAGE(!unmap_success)"


@freeze_page.before(FREEZE_IN_ONE_CALL, at="v4.10")
def freeze_page_by_subpages(page: Page) -> None:
    """The same in two phases: the head, which splits PMDs, then the tails if need be."""
    freeze = TTU_SPLIT_FREEZE if has(SPLIT_FREEZE_FLAG) else TTU_MIGRATION
    ttu_flags = TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS | TTU_RMAP_LOCKED
    assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    if PageAnon(page):
        ttu_flags |= freeze
    if has(SPLIT_WAITS_FOR_ZAP):
        ttu_flags |= TTU_SYNC
    unmap_success = try_to_unmap(page, ttu_flags | TTU_SPLIT_HUGE_PMD)
    for i in range(1, HPAGE_PMD_NR):
        if not unmap_success:
            break
        # nothing maps it any more: stop early
        if page_count(page) == 1:
            return
        unmap_success = try_to_unmap(page + i, ttu_flags)
    if has(SPLIT_WARNS_IF_MAPPED):
        VM_WARN_ON_ONCE_PAGE(page_mapped(page), page)
    else:
        assert unmap_success, "VM_BUG_ON_PAGE(ret)"


@restates("mm/huge_memory.c", at="v4.14")
def unfreeze_page(page: Page) -> None:
    """Put mappings back: of the huge page if the split failed, else of each page."""
    if PageTransHuge(page):
        remove_migration_ptes(page, page, True)
    else:
        for i in range(HPAGE_PMD_NR):
            remove_migration_ptes(page + i, page + i, True)


@unfreeze_page.before(FREEZE_IN_ONE_CALL, at="v4.10")
def unfreeze_page_by_subpages(page: Page) -> None:
    """The same, before walks covered a whole huge page."""
    for i in range(HPAGE_PMD_NR):
        remove_migration_ptes(page + i, page + i, True)


@atomic
def _copy_flags(head: Page, tail: Page) -> None:
    """The flags that a tail inherits, the lock among them."""
    inherited = (
        PG_referenced
        | PG_swapbacked
        | PG_swapcache
        | PG_mlocked
        | PG_uptodate
        | PG_active
        | PG_locked
        | PG_unevictable
        | PG_dirty
        | PG_young
        | PG_idle
    )
    tail.flags = (tail.flags & ~PAGE_FLAGS_CHECK_AT_PREP) | (head.flags & inherited)
    acquired(tail)


def set_tail_mapping(head: Page, nr: u16) -> None:
    """Say in a tail where its mappings are to be found."""
    tail = head + nr
    assert nr <= 2 or tail.mapping == TAIL_MAPPING, (
        "VM_BUG_ON_PAGE(tail > 2 && page_tail->mapping != TAIL_MAPPING)"
    )
    tail.mapping = head.mapping
    tail.index = head.index + nr


@restates("mm/huge_memory.c", at="v4.14")
def __split_huge_page_tail(head: Page, nr: u16, pagelist: PageList) -> None:
    """Make a tail an independent page, locked as the head is; put it on a list if one is given."""
    tail = head + nr
    assert tail._mapcount == -1, "VM_BUG_ON_PAGE(page_tail->_mapcount != -1)"
    assert page_ref_count(tail) == 0, "VM_BUG_ON_PAGE(page_ref_count(page_tail) != 0)"
    if not has(SPLIT_TAIL_PUBLISHED_LAST):
        # from here on somebody who guesses the frame can take a reference, to what is still a tail
        if PageSwapCache(head):
            page_ref_add(tail, 2)
        else:
            page_ref_inc(tail)
    _copy_flags(head, tail)
    if has(SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED):
        set_tail_mapping(head, nr)
    # all of it is in place: from here on it is no tail
    tail.compound_head = 0
    if has(SPLIT_TAIL_PUBLISHED_LAST):
        # from here on somebody who guesses the frame can take a reference
        if PageSwapCache(head):
            page_ref_add(tail, 2)
        else:
            page_ref_inc(tail)
    if not has(SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED):
        set_tail_mapping(head, nr)
    if pagelist:
        get_page(tail)
        list_add_page(pagelist, tail)
    else:
        set_page_flags(tail, PG_lru)


@atomic
def ClearPageCompound(head: Page) -> None:
    """The head is no head any more."""
    BUG_ON(head.flags & PG_head == 0)
    head.flags &= ~PG_head
    head.order = 0


@restates("mm/huge_memory.c", at="v4.14")
def __split_huge_page(page: Page, pagelist: PageList) -> None:
    """Take a frozen huge page apart. Requires: its references at 0; the LRU lock, dropped here."""
    head = compound_head(page)
    for i in range(HPAGE_PMD_NR - 1, 0, -1):
        __split_huge_page_tail(head, i, pagelist)
    ClearPageCompound(head)
    if PageSwapCache(head):
        page_ref_add(head, 2)
    else:
        page_ref_inc(head)
    spin_unlock(pgdat.lru_lock)

    unfreeze_page(head)
    for i in range(HPAGE_PMD_NR):
        subpage = head + i
        if subpage is page:
            continue
        unlock_page(subpage)
        # if nothing maps it, this frees it
        put_page(subpage)


@restates("mm/huge_memory.c", at="v4.14")
def can_split_huge_page(page: Page, extra_pins: u16) -> bool:
    """Whether the caller's reference is the only one besides mappings; others may come and go."""
    mapcount = total_mapcount(page)
    return mapcount == page_count(page) - extra_pins - 1


@restates("mm/huge_memory.c", at="v4.14")
def split_huge_page_to_list(page: Page, pagelist: PageList) -> int:
    """Split a huge page, of which `page` is any part, into base pages.

    The tails go to the LRU, or, isolated, to a list. Requires: page lock, and exactly one reference
    besides mappings. Returns 0, or -EBUSY and the page is as it was (mapped by PTEs where it was
    mapped by PMDs).
    """
    head = compound_head(page)
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    assert PageCompound(page), "VM_BUG_ON_PAGE(!PageCompound(page))"
    if PageWriteback(page):
        return -EBUSY
    anon_vma = page_get_anon_vma(head)
    if not anon_vma:
        count_vm_event(VmEvent.THP_SPLIT_PAGE_FAILED)
        return -EBUSY
    # no other split, no collapse, no VMA that joins
    anon_vma_lock_write(anon_vma)
    ret = -EBUSY
    extra_pins: u16 = 0
    if PageSwapCache(head):
        extra_pins = HPAGE_PMD_NR
    # a racy look, before PMDs are split for nothing
    if can_split_huge_page(head, extra_pins):
        freeze_page(head)
        if not has(SPLIT_WARNS_IF_MAPPED):
            assert compound_mapcount(head) == 0, "VM_BUG_ON_PAGE(compound_mapcount(head))"
        # PG_lru must not change now
        spin_lock(pgdat.lru_lock)
        # deferred_split_scan() must not take a reference
        spin_lock(pgdat.split_queue_lock)
        mapcount = total_mapcount(head)
        if mapcount == 0 and page_ref_freeze(head, 1 + extra_pins):
            if not list_empty(page_deferred_list(head)):
                pgdat.split_queue_len -= 1
                list_del(page_deferred_list(head))
            spin_unlock(pgdat.split_queue_lock)
            __split_huge_page(page, pagelist)
            ret = 0
            if total_swap_pages() and PageSwapCache(head):
                slot = head.private
                split_swap_cluster(slot)
        else:
            if asserting() and mapcount and not has(SPLIT_WARNS_IF_MAPPED):
                bug("BUG_ON", "kernel BUG: total_mapcount(head) > 0", head)
            spin_unlock(pgdat.split_queue_lock)
            spin_unlock(pgdat.lru_lock)
            unfreeze_page(head)
    anon_vma_unlock_write(anon_vma)
    put_anon_vma(anon_vma)
    count_vm_event(VmEvent.THP_SPLIT_PAGE_FAILED if ret else VmEvent.THP_SPLIT_PAGE)
    return ret


@restates("include/linux/huge_mm.h", at="v4.14")
def split_huge_page(page: Page) -> int:
    """The same; the tails go to the LRU."""
    return split_huge_page_to_list(page, NULL)


# ----------------------------------------------------------------------------- deferred splits


@restates("mm/huge_memory.c", at="v4.14")
def deferred_split_huge_page(page: Page) -> None:
    """Part of a huge page is not mapped any more: queue it to be split when memory is short."""
    assert PageTransHuge(page), "VM_BUG_ON_PAGE(!PageTransHuge(page))"
    spin_lock(pgdat.split_queue_lock)
    if list_empty(page_deferred_list(page)):
        count_vm_event(VmEvent.THP_DEFERRED_SPLIT_PAGE)
        list_add_tail(page_deferred_list(page), SPLIT_QUEUE)
        pgdat.split_queue_len += 1
    spin_unlock(pgdat.split_queue_lock)


@restates("mm/huge_memory.c", at="v4.14")
def deferred_split_scan() -> None:
    """The shrinker: split the first queued huge page. One at a time is enough here."""
    spin_lock(pgdat.split_queue_lock)
    page: Page = NULL
    node = list_next(SPLIT_QUEUE)
    if node != SPLIT_QUEUE:
        found = list_page(node)
        if get_page_unless_zero(found):
            # off the queue, but still on a list: it is neither queued again nor forgotten
            list_move_to_stack(node)
            page = found
        else:
            # the last reference is being dropped
            list_del_init(node)
            pgdat.split_queue_len -= 1
    spin_unlock(pgdat.split_queue_lock)
    if not page:
        return
    lock_page(page)
    # if it succeeds it takes the page off the list
    split_huge_page(page)
    unlock_page(page)
    put_page(page)
    spin_lock(pgdat.split_queue_lock)
    list_splice_from_stack(node)
    spin_unlock(pgdat.split_queue_lock)


@restates("mm/huge_memory.c", at="v4.14")
def split_huge_pages_set() -> None:
    """Write 1 to split_huge_pages in debugfs: split every huge page there is."""
    for pfn in range(NR_FRAMES):
        page = mem_map[pfn]
        if get_page_unless_zero(page):
            if PageHead(page) and PageLRU(page):
                lock_page(page)
                split_huge_page(page)
                unlock_page(page)
            put_page(page)


# -------------------------------------------------------------------------------- THP migration


@restates("mm/huge_memory.c", at="v4.14")
def set_pmd_migration_entry(pvmw: PageVmaMappedWalk, page: Page) -> None:
    """Replace a huge PMD by a migration entry. Requires: page lock, the PMD's lock.

    The PMD is never none meanwhile, so that MADV_DONTNEED does not pass it by.
    """
    if not (pvmw.pmd and not pvmw.pte):
        return
    vma = pvmw.vma
    address = pvmw.address
    if not has(PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER):
        # the caller has done so already; here it may not sleep
        mmu_notifier_invalidate_range_start(vma.vm_mm, address, address + HPAGE_PMD_SIZE)
    if has(PMD_ENTRY_WITHOUT_FLUSH):
        pmdval = pmdp_huge_get_and_clear(pvmw.pmd)
    elif has(PMD_ENTRY_BY_WAY_OF_NONE):
        pmdval = pmdp_huge_clear_flush(vma, address, pvmw.pmd)
    elif has(PMD_MIGRATION_KEEPS_DIRTY):
        pmdval = pmdp_invalidate(vma, address, pvmw.pmd)
    else:
        pmdval = pvmw.pmd.val
        # a processor may set the dirty bit here
        pmdp_invalidate(vma, address, pvmw.pmd)
    if pmd_dirty(pmdval):
        set_page_dirty(page)
    entry = make_migration_entry(page, pmd_write(pmdval))
    if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY):
        entry = make_migration_entry_young_dirty(entry, pmd_young(pmdval), pmd_dirty(pmdval))
    pmdswp = swp_entry_to_pte(entry)
    if has(SOFT_DIRTY_OVER_THP_MIGRATION) and pmd_soft_dirty(pmdval):
        pmdswp = pte_swp_mksoft_dirty(pmdswp)
    if has(UFFD_WP_OVER_THP_MIGRATION) and pte_uffd_wp(pmdval):
        pmdswp = pte_swp_mkuffd_wp(pmdswp)
    set_pmd_at(pvmw.pmd, pmdswp)
    page_remove_rmap(page, True)
    put_page(page)
    if not has(PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER):
        mmu_notifier_invalidate_range_end(vma.vm_mm, address, address + HPAGE_PMD_SIZE)


@restates("mm/huge_memory.c", at="v4.14")
def remove_migration_pmd(pvmw: PageVmaMappedWalk, new: Page) -> None:
    """Replace a migration entry by a huge PMD. Requires: the new page's lock, the PMD's lock."""
    if not (pvmw.pmd and not pvmw.pte):
        return
    vma = pvmw.vma
    haddr = pvmw.address & HPAGE_PMD_MASK
    pmdswp = pvmw.pmd.val
    get_page(new)
    pmde = mk_huge_pmd(new, vma.vm_page_prot)
    entry = pte_to_swp_entry(pmdswp)
    if not (has(MIGRATION_KEEPS_YOUNG_AND_DIRTY) and is_migration_entry_young(entry)):
        pmde = pmd_mkold(pmde)
    if has(SOFT_DIRTY_OVER_THP_MIGRATION) and pte_swp_soft_dirty(pmdswp):
        pmde = pmd_mksoft_dirty(pmde)
    if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY) and is_migration_entry_dirty(entry):
        if PageDirty(new):
            pmde = pmd_mkdirty(pmde)
    if is_write_migration_entry(entry):
        pmde = maybe_mkwrite(pmde, vma)
    elif has(DIRTY_BEFORE_WRITE_BIT):
        pmde = pmd_wrprotect(pmde)
    if has(USERFAULTFD_WP) and pte_swp_uffd_wp(pmdswp):
        pmde = pte_mkuffd_wp(pmde)
    page_add_anon_rmap(new, vma, haddr, True)
    set_pmd_at(pvmw.pmd, pmde)
    if vma.vm_flags & VM_LOCKED:
        # huge pages mapped by PTEs are never mlocked
        if not (has(MIGRATED_THP_MLOCKED_IF_PMD_ONLY) and PageDoubleMap(new)):
            mlock_vma_page(new)


# ------------------------------------------------- drafts and readings of the series


def set_pmd_migration_entry_v2(page: Page, vma: Vma, address: u32) -> None:
    """The helper of the series' second version: finds PMD or PTEs by itself, hardly flushes."""
    pmd = pmd_offset(vma.vm_mm, address)
    pmdval = pmd.val
    if pmd_trans_huge(pmdval):
        ptl = pmd_lock(pmd)
        pmdval = pmd.val
        if not pmd_trans_huge(pmdval) or not pmd_page_is(pmdval, page):
            spin_unlock(ptl)
            return
        pmdval = pmdp_huge_get_and_clear(pmd)
        if pmd_dirty(pmdval):
            set_page_dirty(page)
        set_pmd_at(pmd, swp_entry_to_pte(make_migration_entry(page, pmd_write(pmdval))))
        page_remove_rmap(page, True)
        put_page(page)
        spin_unlock(ptl)
        return
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    if not page_check_address(page, vma, address, pvmw, has(SPLIT_WAITS_FOR_ZAP)):
        return
    slot = pvmw.pte
    nr = 1
    if PageHead(page):
        nr = HPAGE_PMD_NR
    for i in range(nr):
        pteval = slot.val
        if pte_present(pteval):
            pteval = ptep_get_and_clear(slot)
            subpage = pfn_to_page(pte_pfn(pteval))
            if pte_dirty(pteval):
                set_page_dirty(page)
            set_pte_at(slot, swp_entry_to_pte(make_migration_entry(subpage, pte_write(pteval))))
            page_remove_rmap(subpage, False)
            put_page(page)
        if i + 1 < nr:
            slot = slot + 1
    flush_tlb_range(vma.vm_mm, address, address + PAGE_SIZE)
    spin_unlock(pvmw.ptl)


def set_pmd_migration_entry_v1(page: Page, vma: Vma, address: u32) -> None:
    """The helper of the first version: the entry keeps PSE, and a PTE's lock is not given back."""
    pmd = pmd_offset(vma.vm_mm, address)
    pmdval = pmd.val
    if pmd_trans_huge(pmdval):
        ptl = pmd_lock(pmd)
        pmdval = pmd.val
        if not pmd_trans_huge(pmdval) or not pmd_page_is(pmdval, page):
            spin_unlock(ptl)
            return
        pmdval = pmdp_huge_get_and_clear(pmd)
        if pmd_dirty(pmdval):
            set_page_dirty(page)
        entry = make_migration_entry(page, pmd_write(pmdval))
        set_pmd_at(pmd, swp_entry_to_pte(entry) | _PAGE_PSE)
        page_remove_rmap(page, True)
        put_page(page)
        spin_unlock(ptl)
        return
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    page_check_address(page, vma, address, pvmw, has(SPLIT_WAITS_FOR_ZAP))


def set_pmd_migration_entry_literally(page: Page, vma: Vma, address: u32) -> None:
    """What the third patch's message says: the PMD becomes a migration entry, whatever it held."""
    pmd = pmd_offset(vma.vm_mm, address)
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    if has(CONVERT_PRESENT_PMD_ONLY) and not pmd_present(pmdval):
        spin_unlock(ptl)
        return
    set_pmd_at(pmd, swp_entry_to_pte(make_migration_entry(page, pmd_write(pmdval))))
    page_remove_rmap(page, True)
    put_page(page)
    spin_unlock(ptl)


from mmspec.spec.page.madvise import may_read_as_zero  # noqa: E402
from mmspec.spec.page.migrate import (  # noqa: E402
    PageList,
    list_add_page,
    migrate_misplaced_page,
    migrate_misplaced_transhuge_page,
    remove_migration_ptes,
)
from mmspec.spec.page.mmu_notifier import (  # noqa: E402
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.userfault import (  # noqa: E402
    handle_userfault,
    userfaultfd_missing,
)
