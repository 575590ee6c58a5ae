"""Page faults, fork's copy of page tables, and zap (mm/memory.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    COW_UNLESS_SOLE_REFERENCE,
    FORK_COPIES_PINNED_PAGES,
    FORK_STOPS_GUP_FAST,
    PMD_MIGRATION_IN_COMMON_PATHS,
    SWAPIN_KEEPS_OTHERS_OUT,
    SWAPIN_SKIPS_CACHE,
    UFFD_WP_FLUSHES_BEFORE_COPY,
    USERFAULTFD_WP,
)
from mmspec.lang import BUG_ON, NULL, OnStack, atomic, bug, has, holds, restates, u8, u32, u64
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    is_migration_entry,
    is_pmd_migration_entry,
    is_swap_pmd,
    is_write_migration_entry,
    make_migration_entry_read,
    non_swap_entry,
    pfn_pte,
    pmd_none,
    pmd_protnone,
    pmd_trans_huge,
    pmd_write,
    pte_mkdirty,
    pte_mkold,
    pte_mksoft_dirty,
    pte_mkspecial,
    pte_mkwrite,
    pte_mkyoung,
    pte_modify,
    pte_none,
    pte_pfn,
    pte_present,
    pte_protnone,
    pte_special,
    pte_swp_mksoft_dirty,
    pte_swp_soft_dirty,
    pte_to_swp_entry,
    pte_uffd_wp,
    pte_write,
    pte_wrprotect,
    swp_entry_to_pte,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    MEMORY_FAILURE,
    NR_STABLE_NODES,
    PAGE_MASK,
    PAGE_SIZE,
    PINS,
    USE_ZERO_PAGE,
    ZERO_PFN,
)
from mmspec.spec.page.filemap import SetPageLocked, lock_page, trylock_page, unlock_page
from mmspec.spec.page.huge_memory import (
    FAULT_FLAG_WRITE,
    VM_FAULT_FALLBACK,
    VM_FAULT_HWPOISON,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
    VM_FAULT_WRITE,
    VmFault,
    __split_huge_pmd,
    copy_huge_pmd,
    do_huge_pmd_anonymous_page,
    do_huge_pmd_numa_page,
    do_huge_pmd_wp_page,
    huge_pmd_set_accessed,
    zap_huge_pmd,
)
from mmspec.spec.page.migrate import (
    migrate_misplaced_page,
    migration_entry_wait,
    pmd_migration_entry_wait,
)
from mmspec.spec.page.mlock import munlock_vma_page
from mmspec.spec.page.mm import (
    add_mm_counter,
    add_nr_ptes,
    check_stable_address_space,
    get_page,
    page_count,
    page_mapcount,
    page_maybe_dma_pinned,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import (
    EAGAIN,
    ENOMEM,
    MM_ANONPAGES,
    MM_SWAPENTS,
    MMF_HAS_PINNED,
    NUMA_NO_NODE,
    VM_EXEC,
    VM_LOCKED,
    VM_NOHUGEPAGE,
    VM_READ,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
    VM_WRITE,
    Mm,
    Page,
    Pmd,
    Pte,
    Vma,
)
from mmspec.spec.page.mmu_gather import (
    MmuGather,
    __tlb_remove_page,
    tlb_flush_mmu_free,
    tlb_flush_mmu_tlbonly,
    tlb_remove_tlb_entry,
)
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_alloc import (
    SetPageUptodate,
    alloc_pages_vma,
    clear_highpage,
    copy_highpage,
    mpol_misplaced,
)
from mmspec.spec.page.page_flags import (
    PageCompound,
    PageHWPoison,
    PageKsm,
    PageMlocked,
    PageSwapCache,
    PageUptodate,
    PG_swapbacked,
    set_page_flags,
)
from mmspec.spec.page.page_io import swap_readpage_synchronously
from mmspec.spec.page.pgtable import (
    copied_for_child,
    flush_tlb_range,
    maybe_mkwrite,
    mk_pte,
    mm_tlb_flush_pending,
    pmd_lock,
    pmd_none_or_clear_bad,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_populate,
    pmd_table,
    pte_alloc_one,
    pte_clear_not_present_full,
    pte_free,
    pte_in,
    pte_lockptr,
    ptep_clear_flush,
    ptep_get_and_clear,
    ptep_get_and_clear_full,
    ptep_set_wrprotect,
    set_pte_at,
)
from mmspec.spec.page.rmap import (
    anon_vma_prepare,
    do_page_add_anon_rmap,
    flush_tlb_batched_pending,
    is_vma_temporary_stack,
    page_add_new_anon_rmap,
    page_dup_rmap,
    page_move_anon_rmap,
    page_remove_rmap,
)
from mmspec.spec.page.swap import (
    lru_cache_add,
    lru_cache_add_active_or_unevictable,
    put_page,
)
from mmspec.spec.page.swap_state import lookup_swap_cache, read_swap_cache_async
from mmspec.spec.page.swapfile import (
    MapCount,
    __swp_swapcount,
    free_swap_and_cache,
    reuse_swap_page,
    swap_duplicate,
    swap_free,
    swapcache_clear,
    swapcache_prepare,
    try_to_free_swap,
)
from mmspec.spec.page.swapops import migration_entry_to_page

# ------------------------------------------------------------------------------ page tables


@restates("mm/memory.c", at="v4.14")
def vm_normal_page(pte: u64) -> Page:
    """The page of a present PTE; NULL for the zero page, which is not counted."""
    if pte_special(pte):
        return NULL
    return pfn_to_page(pte_pfn(pte))


@restates("include/asm-generic/pgtable.h", at="v4.14")
def is_zero_pfn(pfn: u32) -> bool:
    """Whether a frame is the zero page."""
    return pfn == ZERO_PFN


@restates("mm/memory.c", at="v4.14")
def pte_alloc(mm: Mm, pmd: Pmd) -> int:
    """See that the PMD has a page table (or something huge): -ENOMEM if there is none left."""
    pmdval = pmd.val
    if not pmd_none(pmdval):
        return 0
    new = pte_alloc_one()
    if not new:
        return -ENOMEM
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    if pmd_none(pmdval):
        add_nr_ptes(mm, 1)
        pmd_populate(pmd, new)
        new = NULL
    spin_unlock(ptl)
    if new:
        pte_free(new)
    return 0


# ----------------------------------------------------------------------------------- faults


@restates("mm/memory.c", at="v4.14")
def do_anonymous_page(vmf: VmFault) -> u8:
    """A fault where nothing is mapped: a new base page, or to read the zero page."""
    vma = vmf.vma
    if pte_alloc(vma.vm_mm, vmf.pmd):
        return VM_FAULT_OOM
    # somebody may have mapped a huge page, or be migrating one
    if pmd_none_or_trans_huge_or_clear_bad(vmf.pmd):
        return 0
    if USE_ZERO_PAGE and not vmf.flags & FAULT_FLAG_WRITE:
        pmdval = vmf.pmd.val
        vmf.pte = pte_in(pmd_table(pmdval), vmf.address)
        vmf.ptl = pte_lockptr(vmf.pte)
        spin_lock(vmf.ptl)
        pteval = vmf.pte.val
        if pte_none(pteval) and check_stable_address_space(vma.vm_mm):
            spin_unlock(vmf.ptl)
            return VM_FAULT_OOM
        if pte_none(pteval):
            set_pte_at(vmf.pte, pte_mkspecial(pfn_pte(ZERO_PFN, vma.vm_page_prot)))
        spin_unlock(vmf.ptl)
        return 0
    if anon_vma_prepare(vma):
        return VM_FAULT_OOM
    page = alloc_pages_vma(vma, 0)
    if not page:
        return VM_FAULT_OOM
    clear_highpage(page)
    SetPageUptodate(page)
    entry = mk_pte(page, vma.vm_page_prot)
    entry = maybe_mkwrite(pte_mkdirty(entry), vma)
    pmdval = vmf.pmd.val
    vmf.pte = pte_in(pmd_table(pmdval), vmf.address)
    vmf.ptl = pte_lockptr(vmf.pte)
    spin_lock(vmf.ptl)
    pteval = vmf.pte.val
    if pte_none(pteval) and check_stable_address_space(vma.vm_mm):
        spin_unlock(vmf.ptl)
        put_page(page)
        return VM_FAULT_OOM
    if pte_none(pteval) and userfaultfd_missing(vma):
        spin_unlock(vmf.ptl)
        put_page(page)
        return handle_userfault(vmf, VM_UFFD_MISSING)
    if pte_none(pteval):
        add_mm_counter(vma.vm_mm, MM_ANONPAGES, 1)
        page_add_new_anon_rmap(page, vma, vmf.address, False)
        lru_cache_add_active_or_unevictable(page, vma)
        set_pte_at(vmf.pte, entry)
    else:
        put_page(page)
    spin_unlock(vmf.ptl)
    return 0


@restates("mm/memory.c", at="v4.14")
def do_swap_page(vmf: VmFault) -> u8:
    """A fault on a swap entry: map the page of the swap cache, which is read in if need be.

    Omits: reading ahead, what is done when swap is half full.
    """
    vma = vmf.vma
    entry = pte_to_swp_entry(vmf.orig_pte)
    if is_migration_entry(entry):
        migration_entry_wait(vmf.pmd, vmf.address)
        return 0
    if non_swap_entry(entry):
        # a broken page: the process is told
        return VM_FAULT_HWPOISON
    page = lookup_swap_cache(entry)
    in_cache = True
    if not page:
        if has(SWAPIN_SKIPS_CACHE) and __swp_swapcount(entry) == 1:
            # nobody else has the entry: nobody else will look for the page
            in_cache = False
            if has(SWAPIN_KEEPS_OTHERS_OUT) and swapcache_prepare(entry):
                # another thread of this process is doing the same
                return 0
            page = alloc_pages_vma(vma, 0)
            if page:
                SetPageLocked(page)
                set_page_flags(page, PG_swapbacked)
                swap_readpage_synchronously(page, entry)
                lru_cache_add(page)
            elif has(SWAPIN_KEEPS_OTHERS_OUT):
                swapcache_clear(entry)
        else:
            page = read_swap_cache_async(entry, vma)
        if not page:
            # if somebody else was faster there is no entry any more
            pmdval = vmf.pmd.val
            vmf.pte = pte_in(pmd_table(pmdval), vmf.address)
            vmf.ptl = pte_lockptr(vmf.pte)
            spin_lock(vmf.ptl)
            pteval = vmf.pte.val
            spin_unlock(vmf.ptl)
            if pteval == vmf.orig_pte:
                return VM_FAULT_OOM
            return 0
    elif MEMORY_FAILURE and PageHWPoison(page):
        # it has broken, and was kept for those who would come for it
        put_page(page)
        return VM_FAULT_HWPOISON
    if in_cache:
        lock_page(page)
        # it may have left the swap cache before it was locked, and even come back at another place
        slot = page.private
        if not PageSwapCache(page) or slot != entry:
            unlock_page(page)
            put_page(page)
            return 0
    swapcache: Page = NULL
    if NR_STABLE_NODES:
        # what was merged before it was swapped out is not one page of this process any more
        swapcache = page
        page = ksm_might_need_to_copy(swapcache, vma, vmf.address)
        if not page:
            unlock_page(swapcache)
            put_page(swapcache)
            return VM_FAULT_OOM
    pmdval = vmf.pmd.val
    vmf.pte = pte_in(pmd_table(pmdval), vmf.address)
    vmf.ptl = pte_lockptr(vmf.pte)
    spin_lock(vmf.ptl)
    pteval = vmf.pte.val
    if pteval != vmf.orig_pte:
        spin_unlock(vmf.ptl)
        unlock_page(page)
        put_page(page)
        if NR_STABLE_NODES and page is not swapcache:
            unlock_page(swapcache)
            put_page(swapcache)
        if has(SWAPIN_KEEPS_OTHERS_OUT) and not in_cache:
            swapcache_clear(entry)
        return 0
    if MEMORY_FAILURE and not PageUptodate(page):
        # it has broken since it was found
        spin_unlock(vmf.ptl)
        unlock_page(page)
        put_page(page)
        return VM_FAULT_SIGBUS
    # Counted as swapped and not yet as mapped: reuse_swap_page() takes the sum.
    add_mm_counter(vma.vm_mm, MM_ANONPAGES, 1)
    add_mm_counter(vma.vm_mm, MM_SWAPENTS, -1)
    pte = mk_pte(page, vma.vm_page_prot)
    exclusive = False
    if vmf.flags & FAULT_FLAG_WRITE:
        mappings = MapCount()
        if reuse_swap_page(page, mappings):
            pte = maybe_mkwrite(pte_mkdirty(pte), vma)
            vmf.flags &= ~FAULT_FLAG_WRITE
            exclusive = True
    if pte_swp_soft_dirty(vmf.orig_pte):
        pte = pte_mksoft_dirty(pte)
    set_pte_at(vmf.pte, pte)
    vmf.orig_pte = pte
    if NR_STABLE_NODES and page is not swapcache:
        page_add_new_anon_rmap(page, vma, vmf.address, False)
        lru_cache_add_active_or_unevictable(page, vma)
    else:
        do_page_add_anon_rmap(page, vma, vmf.address, False, exclusive)
    swap_free(entry)
    if vma.vm_flags & VM_LOCKED:
        try_to_free_swap(page)
    unlock_page(page)
    if NR_STABLE_NODES and page is not swapcache:
        unlock_page(swapcache)
        put_page(swapcache)
    ret: u8 = VM_FAULT_WRITE if exclusive else 0
    if vmf.flags & FAULT_FLAG_WRITE:
        ret = do_wp_page(vmf)
    else:
        spin_unlock(vmf.ptl)
    if has(SWAPIN_KEEPS_OTHERS_OUT) and not in_cache:
        swapcache_clear(entry)
    return ret


@restates("mm/memory.c", at="v4.14")
def wp_page_reuse(vmf: VmFault) -> None:
    """Make the PTE writable: the page is ours. Drops the PTE's lock."""
    entry = pte_mkyoung(vmf.orig_pte)
    entry = maybe_mkwrite(pte_mkdirty(entry), vmf.vma)
    set_pte_at(vmf.pte, entry)
    spin_unlock(vmf.ptl)


@restates("mm/memory.c", at="v4.14")
def wp_page_copy(vmf: VmFault) -> u8:
    """Copy the page, without the lock, and map the copy if the PTE is still the same."""
    vma = vmf.vma
    old_page = vmf.page
    # who has only read may have none yet
    if not old_page and anon_vma_prepare(vma):
        return VM_FAULT_OOM
    new_page = alloc_pages_vma(vma, 0)
    if not new_page:
        if old_page:
            put_page(old_page)
        return VM_FAULT_OOM
    if is_zero_pfn(pte_pfn(vmf.orig_pte)):
        clear_highpage(new_page)
    else:
        copy_highpage(new_page, old_page)
    SetPageUptodate(new_page)
    page_copied = False
    mmu_notifier_invalidate_range_start(vma.vm_mm, vmf.address, vmf.address + PAGE_SIZE)
    spin_lock(vmf.ptl)
    pteval = vmf.pte.val
    if pteval == vmf.orig_pte:
        if not old_page:
            add_mm_counter(vma.vm_mm, MM_ANONPAGES, 1)
        entry = mk_pte(new_page, vma.vm_page_prot)
        entry = maybe_mkwrite(pte_mkdirty(entry), vma)
        # cleared and flushed first: no processor may read the old page after the new is there
        ptep_clear_flush(vma, vmf.address, vmf.pte)
        page_add_new_anon_rmap(new_page, vma, vmf.address, False)
        lru_cache_add_active_or_unevictable(new_page, vma)
        set_pte_at(vmf.pte, entry)
        # Only now does the old page's mapcount drop: else another process could reuse it, and
        # write to it, while we can still read it here.
        if old_page:
            page_remove_rmap(old_page, False)
        new_page = old_page
        page_copied = True
    if new_page:
        put_page(new_page)
    spin_unlock(vmf.ptl)
    mmu_notifier_invalidate_range_end(vma.vm_mm, vmf.address, vmf.address + PAGE_SIZE)
    if old_page:
        if page_copied and vma.vm_flags & VM_LOCKED:
            # who else has the page has not locked it, perhaps
            lock_page(old_page)
            if PageMlocked(old_page):
                munlock_vma_page(old_page)
            unlock_page(old_page)
        put_page(old_page)
    return VM_FAULT_WRITE if page_copied else 0


def _is_ours_alone(page: Page) -> bool:
    """Whether there is one mapping and one reference, with the page locked for a moment."""
    if page_count(page) != 1 or not trylock_page(page):
        return False
    alone = page_mapcount(page) == 1
    if NR_STABLE_NODES and PageKsm(page):
        # KSM may get a reference at any time
        alone = False
    if alone:
        alone = page_count(page) == 1
    unlock_page(page)
    return alone


@restates("mm/memory.c", at="v5.9")
def do_wp_page(vmf: VmFault) -> u8:
    """A store to a read-only page: reuse it if nobody else refers to it, else copy it. Drops the
    lock.
    """
    vma = vmf.vma
    if has(USERFAULTFD_WP) and userfaultfd_wp(vma):
        if pte_uffd_wp(vmf.orig_pte):
            spin_unlock(vmf.ptl)
            return handle_userfault(vmf, VM_UFFD_WP)
        # who has just made it read-only has mmap_sem for reading, too, and may not have flushed yet
        if has(UFFD_WP_FLUSHES_BEFORE_COPY) and mm_tlb_flush_pending(vma.vm_mm):
            flush_tlb_range(vma.vm_mm, vmf.address, vmf.address + PAGE_SIZE)
    vmf.page = vm_normal_page(vmf.orig_pte)
    page = vmf.page
    if page:
        if _is_ours_alone(page):
            wp_page_reuse(vmf)
            return VM_FAULT_WRITE
        get_page(page)
    spin_unlock(vmf.ptl)
    return wp_page_copy(vmf)


@do_wp_page.before(COW_UNLESS_SOLE_REFERENCE, at="v4.14")
def do_wp_page_by_mappings(vmf: VmFault) -> u8:
    """The same; whoever does not map the page does not count. Drops the lock."""
    vma = vmf.vma
    if has(USERFAULTFD_WP) and userfaultfd_wp(vma) and pte_uffd_wp(vmf.orig_pte):
        spin_unlock(vmf.ptl)
        return handle_userfault(vmf, VM_UFFD_WP)
    vmf.page = vm_normal_page(vmf.orig_pte)
    page = vmf.page
    if not page:
        spin_unlock(vmf.ptl)
        return wp_page_copy(vmf)
    if NR_STABLE_NODES and PageKsm(page):
        get_page(page)
        spin_unlock(vmf.ptl)
        return wp_page_copy(vmf)
    if not trylock_page(page):
        get_page(page)
        spin_unlock(vmf.ptl)
        lock_page(page)
        spin_lock(vmf.ptl)
        pteval = vmf.pte.val
        if pteval != vmf.orig_pte:
            unlock_page(page)
            spin_unlock(vmf.ptl)
            put_page(page)
            return 0
        put_page(page)
    mappings = MapCount()
    if reuse_swap_page(page, mappings):
        if mappings.total == 1:
            # all ours: the reverse map need not look at parents and siblings any more
            page_move_anon_rmap(page, vma)
        unlock_page(page)
        wp_page_reuse(vmf)
        return VM_FAULT_WRITE
    unlock_page(page)
    get_page(page)
    spin_unlock(vmf.ptl)
    return wp_page_copy(vmf)


@restates("include/linux/mm.h", at="v4.14")
def vma_is_accessible(vma: Vma) -> bool:
    """Whether the VMA permits anything: else what looks like a hint is none."""
    return vma.vm_flags & (VM_READ | VM_EXEC | VM_WRITE) != 0


@restates("mm/memory.c", at="v4.14")
def do_numa_page(vmf: VmFault) -> u8:
    """A hint that a page is used here: it can be accessed again; move it here if it is elsewhere.

    Omits: statistics, and what they decide.
    """
    vma = vmf.vma
    was_writable = pte_write(vmf.orig_pte)
    vmf.ptl = pte_lockptr(vmf.pte)
    spin_lock(vmf.ptl)
    pteval = vmf.pte.val
    if pteval != vmf.orig_pte:
        spin_unlock(vmf.ptl)
        return 0
    pte = ptep_get_and_clear(vmf.pte)
    pte = pte_mkyoung(pte_modify(pte, vma.vm_page_prot))
    if was_writable:
        pte = pte_mkwrite(pte)
    set_pte_at(vmf.pte, pte)
    page = vm_normal_page(pte)
    # huge pages mapped by PTEs stay where they are
    if not page or PageCompound(page):
        spin_unlock(vmf.ptl)
        return 0
    get_page(page)
    target_nid = mpol_misplaced(page, vma)
    spin_unlock(vmf.ptl)
    if target_nid == NUMA_NO_NODE:
        put_page(page)
        return 0
    migrate_misplaced_page(page, target_nid)
    return 0


@restates("mm/memory.c", at="v4.14")
def handle_pte_fault(vmf: VmFault) -> u8:
    """A fault that no huge page could serve."""
    pmdval = vmf.pmd.val
    if pmd_none(pmdval):
        # the table comes later, in case a huge page is mapped meanwhile
        return do_anonymous_page(vmf)
    if pmd_none_or_trans_huge_or_clear_bad(vmf.pmd):
        return 0
    # with mmap_sem for reading this table can neither go nor be replaced
    pmdval = vmf.pmd.val
    vmf.pte = pte_in(pmd_table(pmdval), vmf.address)
    vmf.orig_pte = vmf.pte.val
    if pte_none(vmf.orig_pte):
        return do_anonymous_page(vmf)
    if not pte_present(vmf.orig_pte):
        return do_swap_page(vmf)
    if pte_protnone(vmf.orig_pte) and vma_is_accessible(vmf.vma):
        return do_numa_page(vmf)
    vmf.ptl = pte_lockptr(vmf.pte)
    spin_lock(vmf.ptl)
    pteval = vmf.pte.val
    if pteval == vmf.orig_pte:
        entry = pte_mkyoung(vmf.orig_pte)
        if vmf.flags & FAULT_FLAG_WRITE:
            if not pte_write(vmf.orig_pte):
                return do_wp_page(vmf)
            entry = pte_mkdirty(entry)
        if vmf.flags & FAULT_FLAG_WRITE:
            set_pte_at(vmf.pte, entry)
    spin_unlock(vmf.ptl)
    return 0


@restates("include/linux/huge_mm.h", at="v4.14")
def transparent_hugepage_enabled(vma: Vma) -> bool:
    """Whether a fault may map a huge page. Omits: the settings in sysfs, which say "always"."""
    return not vma.vm_flags & VM_NOHUGEPAGE and not is_vma_temporary_stack(vma)


@restates("mm/memory.c", at="v4.14")
def __handle_mm_fault(vma: Vma, address: u32, flags: u8) -> u8:
    """Serve a page fault. Requires: mmap_sem for reading."""
    vmf = VmFault(vma=vma, address=address & PAGE_MASK, flags=flags)
    vmf.pmd = pmd_offset(vma.vm_mm, address)
    pmdval = vmf.pmd.val
    if pmd_none(pmdval) and transparent_hugepage_enabled(vma):
        ret = do_huge_pmd_anonymous_page(vmf)
        if not ret & VM_FAULT_FALLBACK:
            return ret
    else:
        orig_pmd = vmf.pmd.val
        if has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(orig_pmd):
            assert is_pmd_migration_entry(orig_pmd), "VM_BUG_ON(!is_pmd_migration_entry(orig_pmd))"
            if is_pmd_migration_entry(orig_pmd):
                pmd_migration_entry_wait(vmf.pmd)
            return 0
        if pmd_trans_huge(orig_pmd):
            if pmd_protnone(orig_pmd) and vma_is_accessible(vma):
                return do_huge_pmd_numa_page(vmf, orig_pmd)
            if flags & FAULT_FLAG_WRITE and not pmd_write(orig_pmd):
                if has(USERFAULTFD_WP) and userfaultfd_wp(vma) and pte_uffd_wp(orig_pmd):
                    return handle_userfault(vmf, VM_UFFD_WP)
                ret = do_huge_pmd_wp_page(vmf, orig_pmd)
                if not ret & VM_FAULT_FALLBACK:
                    return ret
            else:
                huge_pmd_set_accessed(vmf, orig_pmd)
                return 0
    return handle_pte_fault(vmf)


@restates("mm/memory.c", at="v4.14")
def handle_mm_fault(vma: Vma, address: u32, flags: u8) -> u8:
    """The same: there is nothing to account here."""
    return __handle_mm_fault(vma, address, flags)


# ------------------------------------------------------------------------------------- fork


class Prealloc(OnStack):
    """A page for a child, allocated before it is known to be needed."""

    page: Page = NULL


@atomic
def copy_user_highpage(to: Page, source: Page, dst_mm: Mm, src_mm: Mm, address: u32) -> None:
    """Copy a frame, to which the parent and devices may go on to store."""
    to.data = source.data
    copied_for_child(dst_mm, src_mm, address, to)


@restates("mm/memory.c", at="v5.10")
def copy_present_page(
    dst_vma: Vma, src_vma: Vma, dst_pte: Pte, address: u32, prealloc: Prealloc, page: Page
) -> int:
    """Give the child a copy at once if a device may write to the page: the page must stay the
    parent's. 1 if it need not be copied, -EAGAIN if there is no page to copy it to.
    """
    if not src_vma.vm_mm.flags & MMF_HAS_PINNED:
        return 1
    if not page_maybe_dma_pinned(page):
        return 1
    new_page = prealloc.page
    if not new_page:
        return -EAGAIN
    prealloc.page = NULL
    copy_user_highpage(new_page, page, dst_vma.vm_mm, src_vma.vm_mm, address)
    SetPageUptodate(new_page)
    page_add_new_anon_rmap(new_page, dst_vma, address, False)
    lru_cache_add_active_or_unevictable(new_page, dst_vma)
    add_mm_counter(dst_vma.vm_mm, MM_ANONPAGES, 1)
    entry = mk_pte(new_page, dst_vma.vm_page_prot)
    set_pte_at(dst_pte, maybe_mkwrite(pte_mkdirty(entry), dst_vma))
    return 0


@restates("mm/memory.c", at="v4.14")
def copy_one_pte(
    dst_vma: Vma, src_vma: Vma, dst_pte: Pte, src_pte: Pte, address: u32, prealloc: Prealloc
) -> int:
    """Share one page, or copy one entry, with a child. Requires: both PTEs' locks."""
    dst_mm = dst_vma.vm_mm
    pte = src_pte.val
    if not pte_present(pte):
        entry = pte_to_swp_entry(pte)
        if not non_swap_entry(entry):
            swap_duplicate(entry)
            add_mm_counter(dst_mm, MM_SWAPENTS, 1)
        elif is_migration_entry(entry):
            page = migration_entry_to_page(entry)
            add_mm_counter(dst_mm, MM_ANONPAGES, 1)
            if is_write_migration_entry(entry):
                # copy on write needs both to be read-only
                soft_dirty = pte_swp_soft_dirty(pte)
                pte = swp_entry_to_pte(make_migration_entry_read(entry))
                if soft_dirty:
                    pte = pte_swp_mksoft_dirty(pte)
                set_pte_at(src_pte, pte)
        set_pte_at(dst_pte, pte)
        return 0
    page = vm_normal_page(pte)
    if PINS and has(FORK_COPIES_PINNED_PAGES) and page:
        ret = copy_present_page(dst_vma, src_vma, dst_pte, address, prealloc, page)
        if ret <= 0:
            return ret
    ptep_set_wrprotect(src_pte)
    pte = pte_mkold(pte_wrprotect(pte))
    if page:
        get_page(page)
        page_dup_rmap(page, False)
        add_mm_counter(dst_mm, MM_ANONPAGES, 1)
    set_pte_at(dst_pte, pte)
    return 0


@restates("mm/memory.c", at="v4.14")
def copy_pte_range(
    dst_vma: Vma, src_vma: Vma, dst_pmd: Pmd, src_pmd: Pmd, start: u32, end: u32
) -> int:
    """Copy the PTEs of one table."""
    if pte_alloc(dst_vma.vm_mm, dst_pmd):
        return -ENOMEM
    prealloc = Prealloc()
    address = start
    while True:
        dst_pmdval = dst_pmd.val
        dst_table = pmd_table(dst_pmdval)
        src_pmdval = src_pmd.val
        src_table = pmd_table(src_pmdval)
        spin_lock(dst_table.ptl)
        spin_lock(src_table.ptl)
        ret = 0
        while address != end:
            src_pte = pte_in(src_table, address)
            pteval = src_pte.val
            if not pte_none(pteval):
                dst_pte = pte_in(dst_table, address)
                ret = copy_one_pte(dst_vma, src_vma, dst_pte, src_pte, address, prealloc)
                if ret == -EAGAIN:
                    break
            address += PAGE_SIZE
        spin_unlock(src_table.ptl)
        spin_unlock(dst_table.ptl)
        if ret != -EAGAIN:
            break
        # a page to copy to, which is not allocated under the locks
        prealloc.page = alloc_pages_vma(src_vma, 0)
        if not prealloc.page:
            return -ENOMEM
    if prealloc.page:
        put_page(prealloc.page)
    return 0


@atomic
def write_seqcount_begin(mm: Mm) -> None:
    """From here on until the end, what is found without locks does not count."""
    mm.write_protect_seq += 1


@atomic
def write_seqcount_end(mm: Mm) -> None:
    """The end."""
    mm.write_protect_seq += 1


@restates("mm/memory.c", at="v4.14")
def copy_pmd_range(dst_vma: Vma, src_vma: Vma, address: u32, end: u32) -> int:
    """What is mapped by one PMD."""
    dst_mm = dst_vma.vm_mm
    src_mm = src_vma.vm_mm
    src_pmd = pmd_offset(src_mm, address)
    dst_pmd = pmd_offset(dst_mm, address)
    pmdval = src_pmd.val
    ret = 1
    if pmd_trans_huge(pmdval) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval)):
        assert end - address == HPAGE_PMD_SIZE, "VM_BUG_ON_VMA(next - addr != HPAGE_PMD_SIZE)"
        ret = copy_huge_pmd(dst_mm, src_mm, dst_pmd, src_pmd, address, src_vma)
        if ret == -ENOMEM:
            return -ENOMEM
    if ret != 0 and not pmd_none_or_clear_bad(src_pmd):
        return copy_pte_range(dst_vma, src_vma, dst_pmd, src_pmd, address, end)
    return 0


@restates("mm/memory.c", at="v4.14")
def copy_page_range(dst_vma: Vma, src_vma: Vma) -> int:
    """Give a child what the parent has mapped in a VMA. Requires: both mmap_sems for writing."""
    ret = 0
    mmu_notifier_invalidate_range_start(src_vma.vm_mm, src_vma.vm_start, src_vma.vm_end)
    if PINS and has(FORK_STOPS_GUP_FAST):
        write_seqcount_begin(src_vma.vm_mm)
    address = src_vma.vm_start
    while address < src_vma.vm_end:
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, src_vma.vm_end)
        ret = copy_pmd_range(dst_vma, src_vma, address, following)
        if ret:
            break
        address = following
    if PINS and has(FORK_STOPS_GUP_FAST):
        write_seqcount_end(src_vma.vm_mm)
    mmu_notifier_invalidate_range_end(src_vma.vm_mm, src_vma.vm_start, src_vma.vm_end)
    return ret


# -------------------------------------------------------------------------------------- zap


@restates("mm/memory.c", at="v4.14")
def zap_pte_range(tlb: MmuGather, vma: Vma, pmd: Pmd, start: u32, end: u32) -> None:
    """Unmap a range of one page table."""
    mm = vma.vm_mm
    pmdval = pmd.val
    table = pmd_table(pmdval)
    address = start
    while address != end:
        force_flush = False
        spin_lock(table.ptl)
        flush_tlb_batched_pending(mm)
        while address != end and not force_flush:
            pte = pte_in(table, address)
            ptent = pte.val
            if pte_none(ptent):
                address += PAGE_SIZE
                continue
            if pte_present(ptent):
                page = vm_normal_page(ptent)
                ptep_get_and_clear_full(mm, address, pte)
                tlb_remove_tlb_entry(tlb, address)
                if not page:
                    address += PAGE_SIZE
                    continue
                add_mm_counter(mm, MM_ANONPAGES, -1)
                # cleared, and not yet unmapped: who looks without the lock sees neither
                page_remove_rmap(page, False)
                if page_mapcount(page) < 0:
                    bug("bad pte", "BUG: Bad page map: negative mapcount", page)
                force_flush = __tlb_remove_page(tlb, page)
            else:
                entry = pte_to_swp_entry(ptent)
                if not non_swap_entry(entry):
                    add_mm_counter(mm, MM_SWAPENTS, -1)
                    free_swap_and_cache(entry)
                elif is_migration_entry(entry):
                    migration_entry_to_page(entry)
                    add_mm_counter(mm, MM_ANONPAGES, -1)
                pte_clear_not_present_full(mm, address, pte)
            address += PAGE_SIZE
        # a full batch: flush it with the lock, free it without, and go on
        if force_flush:
            tlb_flush_mmu_tlbonly(tlb)
        spin_unlock(table.ptl)
        if force_flush:
            tlb_flush_mmu_free(tlb)


@restates("mm/memory.c", at="v4.14")
def zap_pmd_range(tlb: MmuGather, vma: Vma, start: u32, end: u32) -> None:
    """Unmap a range. Restates unmap_page_range() as well."""
    BUG_ON(start >= end)
    address = start
    while address != end:
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, end)
        pmd = pmd_offset(vma.vm_mm, address)
        pmdval = pmd.val
        done = False
        if pmd_trans_huge(pmdval) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval)):
            if following - address != HPAGE_PMD_SIZE:
                assert holds(tlb.mm.mmap_sem, shared=True), (
                    "VM_BUG_ON_VMA(!rwsem_is_locked(&tlb->mm->mmap_sem))"
                )
                __split_huge_pmd(vma, pmd, address, False, NULL)
            else:
                done = zap_huge_pmd(tlb, vma, pmd, address)
        # with mmap_sem for reading another thread may have unmapped or mapped meanwhile
        if not done and not pmd_none_or_trans_huge_or_clear_bad(pmd):
            zap_pte_range(tlb, vma, pmd, address, following)
        address = following


from mmspec.spec.page.ksm import ksm_might_need_to_copy  # noqa: E402
from mmspec.spec.page.userfault import (  # noqa: E402
    handle_userfault,
    userfaultfd_missing,
    userfaultfd_wp,
)
