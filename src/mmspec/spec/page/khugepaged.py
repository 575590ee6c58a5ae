"""khugepaged: base pages that lie where a huge page could are copied to one (mm/khugepaged.c).

The list of address spaces is a flag of each; what is done under khugepaged_mm_lock is one step.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    COLLAPSE_LEAVES_DUMPED_MM_ALONE,
    COLLAPSE_LEAVES_ENTRIES_ALONE,
    COLLAPSE_TELLS_NONE_APART,
    COLLAPSE_WAITS_FOR_WALKERS,
)
from mmspec.lang import (
    BUG_ON,
    NULL,
    OnStack,
    Struct,
    atomic,
    has,
    initializer,
    restates,
    static,
    u32,
)
from mmspec.spec.machine.locks import (
    down_read,
    down_write,
    spin_lock,
    spin_unlock,
    up_read,
    up_write,
)
from mmspec.spec.machine.pgtable import (
    is_swap_pte,
    pmd_bad,
    pmd_mkdirty,
    pmd_none,
    pmd_present,
    pmd_trans_huge,
    pte_none,
    pte_pfn,
    pte_present,
    pte_write,
    pte_young,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    NR_MMS,
    PINS,
)
from mmspec.spec.page.filemap import trylock_page, unlock_page
from mmspec.spec.page.mm import (
    add_mm_counter,
    mod_node_page_state,
    page_count,
    page_mapcount,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    NR_ISOLATED_ANON,
    VM_NOHUGEPAGE,
    Mm,
    Page,
    PageTable,
    Pmd,
    Vma,
    mms,
)
from mmspec.spec.page.mmap import find_vma
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_alloc import (
    ALL_NODES,
    SetPageUptodate,
    alloc_pages_nodemask,
    clear_highpage,
    copy_highpage,
    prep_transhuge_page,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageCompound,
    PageLocked,
    PageLRU,
    PageSwapCache,
)
from mmspec.spec.page.pgtable import (
    maybe_mkwrite,
    mk_huge_pmd,
    pgtable_trans_huge_deposit,
    pmd_lock,
    pmd_offset,
    pmd_populate,
    pmd_table,
    pmdp_collapse_flush,
    pte_clear,
    set_pmd_at,
    tlb_remove_table_sync_one,
)
from mmspec.spec.page.rmap import (
    anon_vma_lock_write,
    anon_vma_unlock_write,
    is_vma_temporary_stack,
    mm_find_pmd,
    page_add_new_anon_rmap,
    page_remove_rmap,
)
from mmspec.spec.page.swap import (
    isolate_lru_page,
    lru_cache_add_active_or_unevictable,
    put_page,
    putback_lru_page,
)


class KhugepagedScan(Struct):
    """struct khugepaged_scan: the address space that is being looked at."""

    mm_slot: Mm


khugepaged_scan: KhugepagedScan = static(KhugepagedScan)


class FoundVma(OnStack):
    """Where hugepage_vma_revalidate() leaves the VMA."""

    vma: Vma = NULL


# ------------------------------------------------------------------ whose address space to look at


@initializer
def _set_vm_hugepage(mm: Mm) -> None:
    mm.vm_hugepage = 1


@atomic
def _insert_to_mm_slots(mm: Mm) -> None:
    mm.mm_count += 1
    mm.mm_slot = 1


@restates("mm/khugepaged.c", at="v4.14")
def khugepaged_enter(mm: Mm) -> None:
    """Put an address space that nobody else uses yet on the list, with a reference."""
    _set_vm_hugepage(mm)
    _insert_to_mm_slots(mm)


@atomic
def _leave_mm_slots(mm: Mm) -> bool:
    """Off the list; False if khugepaged is looking at it."""
    if khugepaged_scan.mm_slot is mm:
        return False
    if mm.mm_slot:
        mm.mm_slot = 0
        mm.mm_count -= 1
    return True


@restates("mm/khugepaged.c", at="v4.14")
def khugepaged_exit(mm: Mm) -> None:
    """The last user has gone: off the list, or wait until khugepaged notices that by itself."""
    if mm.vm_hugepage and not _leave_mm_slots(mm):
        down_write(mm.mmap_sem)
        up_write(mm.mmap_sem)


@atomic
def khugepaged_test_exit(mm: Mm) -> bool:
    """Whether nobody uses it any more. Requires: mmap_sem."""
    return mm.mm_users == 0


@atomic
def _next_mm_slot() -> Mm:
    """The next address space to look at; NULL if there is none."""
    for k in range(NR_MMS):
        mm = mms[k]
        if mm.mm_slot:
            khugepaged_scan.mm_slot = mm
            return mm
    return NULL


@atomic
def collect_mm_slot(mm: Mm) -> None:
    """Done with it; off the list if its users have gone."""
    khugepaged_scan.mm_slot = NULL
    if mm.mm_users == 0:
        mm.mm_slot = 0
        mm.mm_count -= 1


# ------------------------------------------------------------------------------------- collapsing


@restates("mm/khugepaged.c", at="v4.14")
def release_pte_page(page: Page) -> None:
    """Give an isolated page back."""
    mod_node_page_state(NR_ISOLATED_ANON, -1)
    unlock_page(page)
    putback_lru_page(page)


@restates("mm/khugepaged.c", at="v4.14")
def release_pte_pages(table: PageTable, end: u32) -> None:
    """Give back the pages of the first `end` entries."""
    for i in range(end):
        pteval = table.pte[i].val
        if not pte_none(pteval):
            release_pte_page(pfn_to_page(pte_pfn(pteval)))


@restates("mm/khugepaged.c", at="v4.14")
def __collapse_huge_page_isolate(vma: Vma, table: PageTable) -> bool:
    """Lock and isolate every page of a table that is not attached any more; all of them or none.

    Requires: the table's lock. Any number of entries may be none. Omits: the swap cache.
    """
    referenced = False
    writable = False
    end: u32 = 0
    while end < HPAGE_PMD_NR:
        pteval = table.pte[end].val
        if pte_none(pteval):
            end += 1
            continue
        if not pte_present(pteval):
            break
        page = pfn_to_page(pte_pfn(pteval))
        # huge pages mapped by PTEs are not taken
        if PageCompound(page):
            break
        assert PageAnon(page), "VM_BUG_ON_PAGE(!PageAnon(page))"
        # against split_huge_page(); nobody can free the page
        if not trylock_page(page):
            break
        # one more reference could be a pin: somebody who writes to this very page
        if page_count(page) != 1 + PageSwapCache(page):
            unlock_page(page)
            break
        if pte_write(pteval):
            writable = True
        if isolate_lru_page(page) != 0:
            unlock_page(page)
            break
        mod_node_page_state(NR_ISOLATED_ANON, 1)
        assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
        assert not PageLRU(page), "VM_BUG_ON_PAGE(PageLRU(page))"
        if pte_young(pteval):
            referenced = True
        end += 1
    if end == HPAGE_PMD_NR and writable and referenced:
        return True
    release_pte_pages(table, end)
    return False


@restates("mm/khugepaged.c", at="v4.14")
def __collapse_huge_page_copy(vma: Vma, table: PageTable, page: Page) -> None:
    """Copy the pages of a table that nobody reaches, and give them up."""
    for i in range(HPAGE_PMD_NR):
        to = page + i
        pteval = table.pte[i].val
        if pte_none(pteval):
            clear_highpage(to)
            add_mm_counter(vma.vm_mm, MM_ANONPAGES, 1)
        else:
            src_page = pfn_to_page(pte_pfn(pteval))
            copy_highpage(to, src_page)
            assert page_mapcount(src_page) == 1, "VM_BUG_ON_PAGE(page_mapcount(src_page) != 1)"
            release_pte_page(src_page)
            spin_lock(table.ptl)
            pte_clear(table.pte[i])
            page_remove_rmap(src_page, False)
            spin_unlock(table.ptl)
            put_page(src_page)


@restates("mm/khugepaged.c", at="v4.14")
def hugepage_vma_check(vma: Vma) -> bool:
    """Whether a VMA may get huge pages. Omits: the settings in sysfs, which say "always"."""
    if vma.vm_flags & VM_NOHUGEPAGE or not vma.anon_vma:
        return False
    return not is_vma_temporary_stack(vma)


@restates("mm/khugepaged.c", at="v4.14")
def hugepage_vma_revalidate(mm: Mm, address: u32, found: FoundVma) -> bool:
    """Whether the place is still good for a huge page; mmap_sem had been given up. Requires it."""
    if khugepaged_test_exit(mm):
        return False
    vma = find_vma(mm, address)
    found.vma = vma
    if not vma or address < vma.vm_start or address + HPAGE_PMD_SIZE > vma.vm_end:
        return False
    return hugepage_vma_check(vma)


@restates("include/linux/sched/mm.h", at="v5.2")
def mmget_still_valid(mm: Mm) -> bool:
    """Whether nobody dumps it, with the others stopped and no lock. Requires: mmap_sem."""
    return not mm.core_state


@restates("mm/khugepaged.c", at="v6.2")
def find_pmd_or_thp_or_none(mm: Mm, address: u32) -> Pmd:
    """The PMD for an address if it leads to a page table; NULL for everything else."""
    pmd = pmd_offset(mm, address)
    pmde = pmd.val
    if pmd_none(pmde):
        return NULL
    if has(COLLAPSE_LEAVES_ENTRIES_ALONE) and not pmd_present(pmde):
        return NULL
    if pmd_trans_huge(pmde) or pmd_bad(pmde):
        return NULL
    return pmd


@find_pmd_or_thp_or_none.before(COLLAPSE_TELLS_NONE_APART, at="v4.14")
def find_pmd(mm: Mm, address: u32) -> Pmd:
    """The same."""
    return mm_find_pmd(mm, address)


def _may_collapse(mm: Mm, address: u32, pmd: Pmd, found: FoundVma) -> bool:
    """What is looked at again with mmap_sem for writing."""
    if has(COLLAPSE_LEAVES_DUMPED_MM_ALONE) and not mmget_still_valid(mm):
        return False
    return hugepage_vma_revalidate(mm, address, found) and (
        find_pmd_or_thp_or_none(mm, address) is pmd
    )


@restates("mm/khugepaged.c", at="v4.14")
def collapse_huge_page(mm: Mm, address: u32) -> bool:
    """Replace a page table by a huge page. Gives up mmap_sem. Omits: reading from swap."""
    assert address & ~HPAGE_PMD_MASK == 0, "VM_BUG_ON(address & ~HPAGE_PMD_MASK)"
    # it may take long
    up_read(mm.mmap_sem)
    new_page = alloc_pages_nodemask(ALL_NODES, HPAGE_PMD_ORDER)
    if not new_page:
        return False
    prep_transhuge_page(new_page)
    found = FoundVma()
    down_read(mm.mmap_sem)
    pmd: Pmd = NULL
    if hugepage_vma_revalidate(mm, address, found):
        pmd = find_pmd_or_thp_or_none(mm, address)
    up_read(mm.mmap_sem)
    if not pmd:
        put_page(new_page)
        return False
    # no fault, and nobody who walks page tables with mmap_sem
    down_write(mm.mmap_sem)
    if not _may_collapse(mm, address, pmd, found):
        up_write(mm.mmap_sem)
        put_page(new_page)
        return False
    vma = found.vma
    anon_vma = vma.anon_vma
    # nobody who comes by the reverse map
    anon_vma_lock_write(anon_vma)
    mmu_notifier_invalidate_range_start(mm, address, address + HPAGE_PMD_SIZE)
    pmd_ptl = pmd_lock(pmd)
    # small and huge translations must not be cached together
    table = pmd_table(pmdp_collapse_flush(vma, address, pmd))
    spin_unlock(pmd_ptl)
    mmu_notifier_invalidate_range_end(mm, address, address + HPAGE_PMD_SIZE)
    if PINS and has(COLLAPSE_WAITS_FOR_WALKERS):
        tlb_remove_table_sync_one()
    spin_lock(table.ptl)
    isolated = __collapse_huge_page_isolate(vma, table)
    spin_unlock(table.ptl)
    if not isolated:
        spin_lock(pmd_ptl)
        _check_none_and_populate(pmd, table)
        spin_unlock(pmd_ptl)
        anon_vma_unlock_write(anon_vma)
        up_write(mm.mmap_sem)
        put_page(new_page)
        return False
    # all pages are locked: nobody unmaps them
    anon_vma_unlock_write(anon_vma)
    __collapse_huge_page_copy(vma, table, new_page)
    SetPageUptodate(new_page)
    _pmd = maybe_mkwrite(pmd_mkdirty(mk_huge_pmd(new_page, vma.vm_page_prot)), vma)
    spin_lock(pmd_ptl)
    BUG_ON(pmd.val != 0)
    page_add_new_anon_rmap(new_page, vma, address, True)
    lru_cache_add_active_or_unevictable(new_page, vma)
    pgtable_trans_huge_deposit(pmd, table)
    set_pmd_at(pmd, _pmd)
    spin_unlock(pmd_ptl)
    up_write(mm.mmap_sem)
    return True


def _check_none_and_populate(pmd: Pmd, table: PageTable) -> None:
    BUG_ON(pmd.val != 0)
    pmd_populate(pmd, table)


# --------------------------------------------------------------------------------------- scanning


@restates("mm/khugepaged.c", at="v4.14")
def khugepaged_scan_pmd(mm: Mm, vma: Vma, address: u32) -> bool:
    """Collapse the pages of one page table, if that is worth it; True if mmap_sem was given up.

    Omits: choosing a node. No entry for swap is good enough; any number of others may be none.
    """
    pmd = find_pmd_or_thp_or_none(mm, address)
    if not pmd:
        return False
    pmdval = pmd.val
    table = pmd_table(pmdval)
    writable = False
    referenced = False
    good = True
    spin_lock(table.ptl)
    for i in range(HPAGE_PMD_NR):
        pteval = table.pte[i].val
        if is_swap_pte(pteval):
            good = False
            break
        if pte_none(pteval):
            continue
        if pte_write(pteval):
            writable = True
        page = pfn_to_page(pte_pfn(pteval))
        if PageCompound(page) or not PageLRU(page) or PageLocked(page) or not PageAnon(page):
            good = False
            break
        if page_count(page) != 1 + PageSwapCache(page):
            good = False
            break
        if pte_young(pteval):
            referenced = True
    spin_unlock(table.ptl)
    if not good or not writable or not referenced:
        return False
    collapse_huge_page(mm, address)
    return True


@restates("mm/khugepaged.c", at="v4.14")
def khugepaged_scan_mm_slot() -> None:
    """Look at one address space, until a page table was good enough to be collapsed."""
    mm = _next_mm_slot()
    if not mm:
        return
    down_read(mm.mmap_sem)
    vma: Vma = NULL
    if not khugepaged_test_exit(mm):
        vma = mm.mmap
    released = False
    while vma and not released:
        if hugepage_vma_check(vma):
            address: u32 = (vma.vm_start + HPAGE_PMD_SIZE - 1) & HPAGE_PMD_MASK
            hend: u32 = vma.vm_end & HPAGE_PMD_MASK
            while address < hend and not released:
                if khugepaged_test_exit(mm):
                    hend = address
                else:
                    released = khugepaged_scan_pmd(mm, vma, address)
                    address += HPAGE_PMD_SIZE
        if not released:
            vma = vma.vm_next
    if not released:
        up_read(mm.mmap_sem)
    collect_mm_slot(mm)
