"""Moving page tables within an address space (mm/mremap.c), as far as exec needs it."""

from __future__ import annotations

from mmspec.lang import restates, u32, unlocked
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    is_swap_pte,
    pmd_none,
    pte_dirty,
    pte_mksoft_dirty,
    pte_none,
    pte_present,
    pte_swp_mksoft_dirty,
)
from mmspec.spec.machine.sizes import PAGE_SIZE
from mmspec.spec.page.memory import pte_alloc
from mmspec.spec.page.mm_types import ENOMEM, Mm, Vma
from mmspec.spec.page.pgtable import (
    flush_tlb_range,
    pmd_offset,
    pmd_table,
    pte_in,
    ptep_get_and_clear,
    set_pte_at,
    user_page,
)
from mmspec.spec.page.rmap import flush_tlb_batched_pending


@unlocked
def _moved(mm: Mm, old_addr: u32, new_addr: u32) -> None:
    """Loads of the new address return what those of the old one did (checking)."""
    mm.last_store[user_page(new_addr)] = mm.last_store[user_page(old_addr)]
    mm.last_store[user_page(old_addr)] = 0


@restates("mm/mremap.c", at="v4.14")
def move_ptes(vma: Vma, old_addr: u32, new_addr: u32) -> bool:
    """Move one PTE; whether its flush is still to be done.

    Requires: mmap_sem for writing. No lock of the reverse map is taken: a walk may miss the entry.
    """
    mm = vma.vm_mm
    old_pmdval = pmd_offset(mm, old_addr).val
    new_pmdval = pmd_offset(mm, new_addr).val
    old_table = pmd_table(old_pmdval)
    new_table = pmd_table(new_pmdval)
    spin_lock(old_table.ptl)
    if new_table is not old_table:
        spin_lock(new_table.ptl)
    flush_tlb_batched_pending(mm)
    need_flush = False
    old_pte = pte_in(old_table, old_addr)
    new_pte = pte_in(new_table, new_addr)
    pteval = old_pte.val
    if not pte_none(pteval):
        pteval = ptep_get_and_clear(old_pte)
        # a dirty one must not be written to by a stale translation once it can be cleaned
        force_flush = pte_present(pteval) and pte_dirty(pteval)
        if pte_present(pteval):
            pteval = pte_mksoft_dirty(pteval)
        elif is_swap_pte(pteval):
            pteval = pte_swp_mksoft_dirty(pteval)
        set_pte_at(new_pte, pteval)
        _moved(mm, old_addr, new_addr)
        if force_flush:
            flush_tlb_range(mm, old_addr, old_addr + PAGE_SIZE)
        else:
            need_flush = True
    if new_table is not old_table:
        spin_unlock(new_table.ptl)
    spin_unlock(old_table.ptl)
    return need_flush


@restates("mm/mremap.c", at="v4.14")
def move_page_tables(vma: Vma, old_addr: u32, new_addr: u32, length: u32) -> int:
    """Move the entries of a range downwards, page by page. Omits: huge PMDs."""
    mm = vma.vm_mm
    need_flush = False
    offset: u32 = 0
    while offset < length:
        old_pmdval = pmd_offset(mm, old_addr + offset).val
        if not pmd_none(old_pmdval):
            if pte_alloc(mm, pmd_offset(mm, new_addr + offset)):
                return -ENOMEM
            if move_ptes(vma, old_addr + offset, new_addr + offset):
                need_flush = True
        offset += PAGE_SIZE
    if need_flush:
        flush_tlb_range(mm, old_addr, old_addr + length)
    return 0
