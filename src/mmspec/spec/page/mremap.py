"""Moving mappings within an address space: mremap(2), and what exec does with its stack
(mm/mremap.c).
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MREMAP_FLUSHES_BEFORE_UNLOCK,
    MREMAP_FLUSHES_DIRTY_FIRST,
    MREMAP_MOVES_TABLES,
    MREMAP_TABLES_UNDER_RMAP_LOCK,
    PMD_MIGRATION_IN_COMMON_PATHS,
    SOFT_DIRTY_OVER_THP_MIGRATION,
)
from mmspec.kernels.drafts import MREMAP_FORGETS_MIGRATION_PMD
from mmspec.lang import OnStack, bug, has, restates, u32, u64
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    is_pmd_migration_entry,
    is_swap_pmd,
    is_swap_pte,
    pmd_dirty,
    pmd_mksoft_dirty,
    pmd_none,
    pmd_present,
    pmd_trans_huge,
    pte_dirty,
    pte_mksoft_dirty,
    pte_none,
    pte_present,
    pte_swp_mksoft_dirty,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    NR_STABLE_NODES,
    PAGE_SHIFT,
    PAGE_SIZE,
)
from mmspec.spec.page.huge_memory import split_huge_pmd
from mmspec.spec.page.ksmd import MADV_UNMERGEABLE, ksm_madvise
from mmspec.spec.page.memory import pte_alloc
from mmspec.spec.page.mm_types import EFAULT, EINVAL, ENOMEM, Mm, Pmd, Vma
from mmspec.spec.page.mmap import copy_vma, do_munmap, find_vma
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.pgtable import (
    __pmd_trans_huge_lock,
    flush_pmd_tlb_range,
    flush_tlb_range,
    pmd_lock,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_table,
    pmdp_huge_get_and_clear_moved,
    pmdp_table_get_and_clear_moved,
    pte_in,
    ptep_get_and_clear_moved,
    set_pmd_at,
    set_pte_at,
)
from mmspec.spec.page.rmap import (
    anon_vma_lock_write,
    anon_vma_unlock_write,
    flush_tlb_batched_pending,
)


class Later(OnStack):
    """What move_page_tables() has to do at the end."""

    need_flush: bool = False


def must_flush(dirty: bool) -> bool:
    """Whether a present entry that moves must be flushed before locks are given back.

    A dirty one: nobody may write to the page by a stale translation once it can be cleaned. Any:
    once the new place can be locked, the page can be unmapped there, and freed.
    """
    return has(MREMAP_FLUSHES_BEFORE_UNLOCK) or (has(MREMAP_FLUSHES_DIRTY_FIRST) and dirty)


@restates("mm/mremap.c", at="v4.14")
def take_rmap_locks(vma: Vma) -> None:
    """Nobody walks the reverse map meanwhile."""
    if vma.anon_vma:
        anon_vma_lock_write(vma.anon_vma)


@restates("mm/mremap.c", at="v4.14")
def drop_rmap_locks(vma: Vma) -> None:
    """They may again."""
    if vma.anon_vma:
        anon_vma_unlock_write(vma.anon_vma)


@restates("mm/mremap.c", at="v4.14")
def move_soft_dirty_pte(pte: u64) -> u64:
    """What has moved counts as written."""
    if pte_present(pte):
        return pte_mksoft_dirty(pte)
    if is_swap_pte(pte):
        return pte_swp_mksoft_dirty(pte)
    return pte


@restates("mm/huge_memory.c", at="v4.14")
def move_soft_dirty_pmd(pmd: u64) -> u64:
    """The same of a huge PMD."""
    if has(SOFT_DIRTY_OVER_THP_MIGRATION) and is_pmd_migration_entry(pmd):
        if has(MREMAP_FORGETS_MIGRATION_PMD):
            return pmd
        return pte_swp_mksoft_dirty(pmd)
    return pmd_mksoft_dirty(pmd)


@restates("mm/mremap.c", at="v4.14")
def move_ptes(
    vma: Vma,
    old_pmd: Pmd,
    old_addr: u32,
    old_end: u32,
    new_pmd: Pmd,
    new_addr: u32,
    need_rmap_locks: bool,
    later: Later,
) -> None:
    """Move the PTEs of a range of one table to another table.

    Requires: mmap_sem for writing. A walk of the reverse map that visits the old place before the
    new one finds each entry here or there; if it visits them the other way round it is kept out.
    """
    mm = vma.vm_mm
    if need_rmap_locks:
        take_rmap_locks(vma)
    old_pmdval = old_pmd.val
    new_pmdval = new_pmd.val
    old_table = pmd_table(old_pmdval)
    new_table = pmd_table(new_pmdval)
    spin_lock(old_table.ptl)
    if new_table is not old_table:
        spin_lock(new_table.ptl)
    flush_tlb_batched_pending(mm)
    force_flush = False
    address = old_addr
    to = new_addr
    while address != old_end:
        old_pte = pte_in(old_table, address)
        pteval = old_pte.val
        if not pte_none(pteval):
            pteval = ptep_get_and_clear_moved(mm, address, to, old_pte)
            if pte_present(pteval) and must_flush(pte_dirty(pteval)):
                force_flush = True
            set_pte_at(pte_in(new_table, to), move_soft_dirty_pte(pteval))
        address += PAGE_SIZE
        to += PAGE_SIZE
    if has(MREMAP_FLUSHES_BEFORE_UNLOCK) and force_flush:
        flush_tlb_range(mm, old_addr, old_end)
    if new_table is not old_table:
        spin_unlock(new_table.ptl)
    if not has(MREMAP_FLUSHES_BEFORE_UNLOCK):
        if force_flush:
            flush_tlb_range(mm, old_addr, old_end)
        else:
            later.need_flush = True
    spin_unlock(old_table.ptl)
    if need_rmap_locks:
        drop_rmap_locks(vma)


@restates("mm/huge_memory.c", at="v4.14")
def move_huge_pmd(
    vma: Vma, old_addr: u32, new_addr: u32, old_end: u32, old_pmd: Pmd, new_pmd: Pmd, later: Later
) -> bool:
    """Move a huge PMD, or a migration entry in its place; False if that cannot be done.

    Its deposited table stays where it is: all PMDs of an address space are in one table.
    """
    if old_addr & ~HPAGE_PMD_MASK or new_addr & ~HPAGE_PMD_MASK:
        return False
    if old_end - old_addr < HPAGE_PMD_SIZE:
        return False
    new_pmdval = new_pmd.val
    if not pmd_none(new_pmdval):
        bug("WARNING", "WARN_ON(!pmd_none(*new_pmd))", new_pmd)
        return False
    ptl = __pmd_trans_huge_lock(old_pmd)
    if not ptl:
        return False
    pmd = pmdp_huge_get_and_clear_moved(vma.vm_mm, old_addr, new_addr, old_pmd)
    force_flush = pmd_present(pmd) and must_flush(pmd_dirty(pmd))
    set_pmd_at(new_pmd, move_soft_dirty_pmd(pmd))
    if force_flush:
        flush_pmd_tlb_range(vma, old_addr)
    elif not has(MREMAP_FLUSHES_BEFORE_UNLOCK):
        later.need_flush = True
    spin_unlock(ptl)
    return True


@restates("mm/mremap.c", at="v5.0")
def move_normal_pmd(
    vma: Vma, old_addr: u32, new_addr: u32, old_end: u32, old_pmd: Pmd, new_pmd: Pmd
) -> bool:
    """Move a whole page table, whatever it holds."""
    if old_addr & ~HPAGE_PMD_MASK or new_addr & ~HPAGE_PMD_MASK:
        return False
    if old_end - old_addr < HPAGE_PMD_SIZE:
        return False
    new_pmdval = new_pmd.val
    if not pmd_none(new_pmdval):
        return False
    ptl = pmd_lock(old_pmd)
    pmd = pmdp_table_get_and_clear_moved(vma.vm_mm, old_addr, new_addr, old_pmd)
    set_pmd_at(new_pmd, pmd)
    flush_pmd_tlb_range(vma, old_addr)
    spin_unlock(ptl)
    return True


@restates("mm/mremap.c", at="v4.14")
def move_page_tables(
    vma: Vma, start: u32, new_start: u32, length: u32, need_rmap_locks: bool
) -> u32:
    """Move what is mapped in a range; how much of it could be."""
    mm = vma.vm_mm
    later = Later()
    end = start + length
    old_addr = start
    new_addr = new_start
    extent: u32 = 0
    mmu_notifier_invalidate_range_start(mm, start, end)
    while old_addr < end:
        extent = min((old_addr & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, end) - old_addr
        old_pmd = pmd_offset(mm, old_addr)
        new_pmd = pmd_offset(mm, new_addr)
        pmdval = old_pmd.val
        moved = pmd_none(pmdval)
        if pmd_trans_huge(pmdval) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(pmdval)):
            if extent == HPAGE_PMD_SIZE:
                if need_rmap_locks:
                    take_rmap_locks(vma)
                moved = move_huge_pmd(vma, old_addr, new_addr, end, old_pmd, new_pmd, later)
                if need_rmap_locks:
                    drop_rmap_locks(vma)
            if not moved:
                split_huge_pmd(vma, old_pmd, old_addr)
                moved = pmd_none_or_trans_huge_or_clear_bad(old_pmd)
        elif has(MREMAP_MOVES_TABLES) and not moved and extent == HPAGE_PMD_SIZE:
            if need_rmap_locks or has(MREMAP_TABLES_UNDER_RMAP_LOCK):
                take_rmap_locks(vma)
            moved = move_normal_pmd(vma, old_addr, new_addr, end, old_pmd, new_pmd)
            if need_rmap_locks or has(MREMAP_TABLES_UNDER_RMAP_LOCK):
                drop_rmap_locks(vma)
        if not moved:
            if pte_alloc(mm, new_pmd):
                break
            extent = min(extent, (new_addr & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE - new_addr)
            move_ptes(
                vma,
                old_pmd,
                old_addr,
                old_addr + extent,
                new_pmd,
                new_addr,
                need_rmap_locks,
                later,
            )
        old_addr += extent
        new_addr += extent
    if later.need_flush:
        flush_tlb_range(mm, start, old_addr)
    mmu_notifier_invalidate_range_end(mm, start, end)
    return old_addr - start


@restates("mm/mremap.c", at="v4.14")
def move_vma(vma: Vma, old_addr: u32, length: u32, new_addr: u32) -> int:
    """Move a VMA with what it maps. Omits: accounting, VM_LOCKED, merging (after which
    the reverse map may not visit the new place last).
    """
    mm = vma.vm_mm
    new_pgoff = vma.vm_pgoff + ((old_addr - vma.vm_start) >> PAGE_SHIFT)
    if NR_STABLE_NODES:
        # the reverse map of a merged page goes by address
        err = ksm_madvise(vma, old_addr, old_addr + length, MADV_UNMERGEABLE)
        if err:
            return err
    # the reverse map knows the new place before anything is there
    new_vma = copy_vma(vma, new_addr, length, new_pgoff)
    if not new_vma:
        return -ENOMEM
    moved_len = move_page_tables(vma, old_addr, new_addr, length, False)
    if moved_len < length:
        # back again, for which the page tables are still there
        move_page_tables(new_vma, new_addr, old_addr, moved_len, True)
        do_munmap(mm, new_addr, length)
        return -ENOMEM
    do_munmap(mm, old_addr, length)
    return 0


@restates("mm/mremap.c", at="v4.14")
def mremap_to(mm: Mm, old_addr: u32, length: u32, new_addr: u32) -> int:
    """mremap(2) with MREMAP_MAYMOVE and MREMAP_FIXED. Omits: parts of VMAs, other lengths.

    Requires: mmap_sem for writing.
    """
    if old_addr < new_addr + length and new_addr < old_addr + length:
        return -EINVAL
    do_munmap(mm, new_addr, length)
    vma = find_vma(mm, old_addr)
    if not vma or vma.vm_start != old_addr or vma.vm_end != old_addr + length:
        return -EFAULT
    return move_vma(vma, old_addr, length, new_addr)
