"""Changing what may be done with mapped memory (mm/mprotect.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_HINTS_SPARE_HUGE_PMDS,
    NUMA_HINTS_SPARE_PAGES_IN_USE,
    PENDING_FLUSHES_ARE_NOTED,
    PMD_MIGRATION_IN_COMMON_PATHS,
    PROTECTING_DECIDES_BY_ONE_READ,
    PROTECTING_LOOKS_AGAIN,
    PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK,
    USERFAULTFD_WP,
)
from mmspec.lang import (
    NULL,
    has,
    restates,
    this_task,
    u8,
    u32,
    u64,
)
from mmspec.spec.machine.locks import down_write, spin_lock, spin_unlock, up_write
from mmspec.spec.machine.pgtable import (
    is_swap_pmd,
    is_write_migration_entry,
    make_migration_entry_read,
    pmd_none,
    pmd_trans_huge,
    pte_clear_uffd_wp,
    pte_mkuffd_wp,
    pte_mkwrite,
    pte_modify,
    pte_none,
    pte_present,
    pte_protnone,
    pte_swp_clear_uffd_wp,
    pte_swp_mksoft_dirty,
    pte_swp_mkuffd_wp,
    pte_swp_soft_dirty,
    pte_swp_uffd_wp,
    pte_to_swp_entry,
    pte_write,
    swp_entry_to_pte,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_NR,
    HPAGE_PMD_SIZE,
    NR_STABLE_NODES,
    PAGE_SIZE,
)
from mmspec.spec.page.huge_memory import __split_huge_pmd, change_huge_pmd
from mmspec.spec.page.memory import vm_normal_page
from mmspec.spec.page.mm import (
    MM_CP_PROT_NUMA,
    MM_CP_UFFD_WP,
    MM_CP_UFFD_WP_RESOLVE,
    numa_node_id,
    page_count,
    page_to_nid,
)
from mmspec.spec.page.mm_types import (
    EAGAIN,
    ENOMEM,
    NUMA_NO_NODE,
    VM_EXEC,
    VM_READ,
    VM_WRITE,
    Pmd,
    Vma,
    tasks,
)
from mmspec.spec.page.mmap import find_vma, vm_get_page_prot
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_flags import PageKsm
from mmspec.spec.page.pgtable import (
    dec_tlb_flush_pending,
    flush_tlb_range,
    inc_tlb_flush_pending,
    pmd_lock,
    pmd_none_or_clear_bad,
    pmd_none_or_clear_bad_unless_trans_huge,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_table,
    pte_in,
    ptep_get_and_clear,
    set_pte_at,
)
from mmspec.spec.page.rmap import flush_tlb_batched_pending


@restates("mm/mprotect.c", at="v4.14")
def change_pte_range(vma: Vma, pmd: Pmd, start: u32, end: u32, newprot: u64, cp_flags: u8) -> int:
    """Change the PTEs of one table; how many are not what they were.

    For NUMA hints mmap_sem is held for reading only: the table may not be one any more.
    """
    prot_numa = cp_flags & MM_CP_PROT_NUMA != 0
    if has(PROTECTING_DECIDES_BY_ONE_READ):
        if pmd_none_or_trans_huge_or_clear_bad(pmd):
            return -EAGAIN
    elif has(PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK):
        if pmd_none_or_trans_huge_or_clear_bad(pmd):
            return 0
    elif has(PROTECTING_LOOKS_AGAIN) and prot_numa:
        pmdl = pmd_lock(pmd)
        pmdval = pmd.val
        if pmd_trans_huge(pmdval) or pmd_none(pmdval):
            spin_unlock(pmdl)
            return 0
        spin_unlock(pmdl)
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    # a process of one thread need not be asked again where it runs
    target_nid = NUMA_NO_NODE
    if prot_numa and vma.vm_mm.mm_users == 1:
        target_nid = numa_node_id()
    flush_tlb_batched_pending(vma.vm_mm)
    pages = 0
    address = start
    while address != end:
        pte = pte_in(table, address)
        oldpte = pte.val
        if pte_present(oldpte):
            if prot_numa:
                page = vm_normal_page(oldpte)
                if NR_STABLE_NODES and page and PageKsm(page):
                    address += PAGE_SIZE
                    continue
                if not page or pte_protnone(oldpte) or page_to_nid(page) == target_nid:
                    address += PAGE_SIZE
                    continue
                # neither others that map it nor who has pinned it would see it move
                if has(NUMA_HINTS_SPARE_PAGES_IN_USE) and page_count(page) != 1:
                    address += PAGE_SIZE
                    continue
            ptent = ptep_get_and_clear(pte)
            ptent = pte_modify(ptent, newprot)
            if prot_numa and pte_write(oldpte):
                # so that it need not be found out again
                ptent = pte_mkwrite(ptent)
            if has(USERFAULTFD_WP) and cp_flags & MM_CP_UFFD_WP:
                ptent = pte_mkuffd_wp(ptent)
            elif has(USERFAULTFD_WP) and cp_flags & MM_CP_UFFD_WP_RESOLVE:
                ptent = pte_clear_uffd_wp(ptent)
            set_pte_at(pte, ptent)
            pages += 1
        else:
            entry = pte_to_swp_entry(oldpte)
            newpte = oldpte
            if is_write_migration_entry(entry):
                # whether it may be writable is hard to say: the next store faults
                newpte = swp_entry_to_pte(make_migration_entry_read(entry))
                if pte_swp_soft_dirty(oldpte):
                    newpte = pte_swp_mksoft_dirty(newpte)
                if has(USERFAULTFD_WP) and pte_swp_uffd_wp(oldpte):
                    newpte = pte_swp_mkuffd_wp(newpte)
            if has(USERFAULTFD_WP) and not pte_none(oldpte):
                if cp_flags & MM_CP_UFFD_WP:
                    newpte = pte_swp_mkuffd_wp(newpte)
                elif cp_flags & MM_CP_UFFD_WP_RESOLVE:
                    newpte = pte_swp_clear_uffd_wp(newpte)
            if newpte != oldpte:
                set_pte_at(pte, newpte)
                pages += 1
        address += PAGE_SIZE
    spin_unlock(table.ptl)
    return pages


def is_huge_pmd(pmdval: u64) -> bool:
    """Whether a PMD stands for a huge page, also for one that is being migrated."""
    return pmd_trans_huge(pmdval) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval))


@restates("mm/mprotect.c", at="v4.14")
def change_pmd_range(vma: Vma, start: u32, end: u32, newprot: u64, cp_flags: u8) -> int:
    """Change all entries of a range; how many pages they were."""
    mm = vma.vm_mm
    pages = 0
    mni_start: u32 = 0
    address = start
    while address != end:
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, end)
        pmd = pmd_offset(mm, address)
        pmdval = pmd.val
        if has(PROTECTING_DECIDES_BY_ONE_READ):
            empty = pmd_none(pmdval)
        elif has(NUMA_HINTS_SPARE_HUGE_PMDS):
            empty = not is_swap_pmd(pmdval) and pmd_none_or_clear_bad_unless_trans_huge(pmd)
        else:
            empty = not is_huge_pmd(pmdval) and pmd_none_or_clear_bad(pmd)
        if empty:
            address = following
            continue
        # who has translations of nothing needs no notice
        if not mni_start:
            mni_start = address
            mmu_notifier_invalidate_range_start(mm, mni_start, end)
        if not has(PROTECTING_DECIDES_BY_ONE_READ):
            pmdval = pmd.val
        if is_huge_pmd(pmdval):
            if following - address != HPAGE_PMD_SIZE:
                __split_huge_pmd(vma, pmd, address, False, NULL)
            else:
                nr_ptes = change_huge_pmd(vma, pmd, address, newprot, cp_flags)
                if nr_ptes:
                    if nr_ptes == HPAGE_PMD_NR:
                        pages += HPAGE_PMD_NR
                    address = following
                    continue
            # the huge PMD has just been split
        changed = change_pte_range(vma, pmd, address, following, newprot, cp_flags)
        if changed == -EAGAIN:
            continue
        pages += changed
        address = following
    if mni_start:
        mmu_notifier_invalidate_range_end(mm, mni_start, end)
    return pages


@restates("mm/mprotect.c", at="v4.14")
def change_protection(vma: Vma, start: u32, end: u32, newprot: u64, cp_flags: u8) -> int:
    """Change the protection of what is mapped in a range, and flush if anything is."""
    mm = vma.vm_mm
    if has(PENDING_FLUSHES_ARE_NOTED):
        inc_tlb_flush_pending(mm)
    pages = change_pmd_range(vma, start, end, newprot, cp_flags)
    if pages:
        flush_tlb_range(mm, start, end)
    if has(PENDING_FLUSHES_ARE_NOTED):
        dec_tlb_flush_pending(mm)
    return pages


@restates("mm/mprotect.c", at="v4.14")
def mprotect_fixup(vma: Vma, newflags: u32) -> None:
    """Change a whole VMA. Requires: mmap_sem for writing.

    Omits: parts of VMAs, merging with neighbours, accounting, faulting in what is locked.
    """
    if newflags == vma.vm_flags:
        return
    # who walks the reverse map reads these without mmap_sem
    vma.vm_flags = newflags
    vma.vm_page_prot = vm_get_page_prot(newflags)
    change_protection(vma, vma.vm_start, vma.vm_end, vma.vm_page_prot, 0)


@restates("mm/mprotect.c", at="v4.14")
def do_mprotect(start: u32, length: u32, prot: u32) -> int:
    """mprotect(2) of whole VMAs."""
    mm = tasks[this_task()].mm
    end = start + length
    down_write(mm.mmap_sem)
    vma = find_vma(mm, start)
    error = 0
    address = start
    while address < end:
        if not vma or vma.vm_start > address:
            error = -ENOMEM
            break
        mprotect_fixup(vma, vma.vm_flags & ~(VM_READ | VM_WRITE | VM_EXEC) | prot)
        address = vma.vm_end
        vma = vma.vm_next
    up_write(mm.mmap_sem)
    return error
