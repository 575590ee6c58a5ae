"""What /proc/PID does to the memory of a process (fs/proc/task_mmu.c): clear_refs."""

from __future__ import annotations

from mmspec.kernels.changes import CLEAR_REFS_KEEPS_PMD_HUGE, SOFT_DIRTY_OVER_THP_MIGRATION
from mmspec.lang import has, restates, u32
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import (
    is_pmd_migration_entry,
    is_swap_pte,
    pmd_clear_soft_dirty,
    pmd_dirty,
    pmd_mkdirty,
    pmd_mkyoung,
    pmd_present,
    pmd_wrprotect,
    pmd_young,
    pte_clear_soft_dirty,
    pte_present,
    pte_swp_clear_soft_dirty,
    pte_wrprotect,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    PAGE_SIZE,
    USER_BASE,
    USER_END,
)
from mmspec.spec.page.mm_types import Mm, Pmd, Pte, Vma
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.pgtable import (
    flush_tlb_mm,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_table,
    pmd_trans_huge_lock,
    pmdp_huge_get_and_clear,
    pmdp_invalidate,
    pte_in,
    ptep_get_and_clear,
    set_pmd_at,
    set_pte_at,
)


@restates("fs/proc/task_mmu.c", at="v4.14")
def clear_soft_dirty(vma: Vma, address: u32, pte: Pte) -> None:
    """The next store to the page is to be noticed. Requires: the PTE's lock."""
    ptent = pte.val
    if pte_present(ptent):
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
    """Write 4 to /proc/PID/clear_refs. Omits: VM_SOFTDIRTY, and the write lock taken for it."""
    down_read(mm.mmap_sem)
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
    up_read(mm.mmap_sem)
