"""Slots of page tables: where they are, and how they are changed and flushed.

Restates include/asm-generic/pgtable.h, mm/pgtable-generic.c and arch/x86/mm/pgtable.c and tlb.c.
To flush is one step for all processors: the sender waits for every one of them anyway, until each
serves interrupts.
"""

from __future__ import annotations

from mmspec.kernels import WATCHED
from mmspec.kernels.changes import (
    PENDING_FLUSHES_ARE_COUNTED,
    PENDING_FLUSHES_ARE_NOTED,
    PMD_HUGE_AT_ANY_TIME,
    PMD_MIGRATION_IN_COMMON_PATHS,
    PMDP_INVALIDATE_RETURNS_OLD,
)
from mmspec.lang import (
    BUG_ON,
    NULL,
    acquire,
    acquired,
    atomic,
    bug,
    has,
    index_of,
    initializer,
    owner_of,
    release,
    released,
    restates,
    this_task,
    u8,
    u16,
    u32,
    u64,
    unlocked,
    wait_until,
)
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_unlock
from mmspec.spec.machine.pgtable import (
    _PAGE_PRESENT,
    _PAGE_PROTNONE,
    _PAGE_PSE,
    _PAGE_TABLE,
    is_swap_pmd,
    pfn_pmd,
    pfn_pte,
    pmd_bad,
    pmd_devmap,
    pmd_mknotpresent,
    pmd_mkold,
    pmd_none,
    pmd_pfn,
    pmd_present,
    pmd_trans_huge,
    pmd_wrprotect,
    pmd_young,
    pte_mkold,
    pte_mkwrite,
    pte_none,
    pte_pfn,
    pte_wrprotect,
    pte_young,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_NR,
    NR_TABLES,
    NR_TASKS,
    PAGE_SHIFT,
    PINS,
    PMD_SHIFT,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_BASE,
    USER_PAGES,
)
from mmspec.spec.page.mm import page_to_pfn, pfn_to_page
from mmspec.spec.page.mm_types import (
    MMF_UNSTABLE,
    VM_WRITE,
    Mm,
    Page,
    PageTable,
    Pmd,
    Pte,
    Vma,
    cpus,
    page_tables,
    tasks,
)

#: Page tables are numbered like frames, from here: no frame has such a number.
TABLE_PFN = 0x1000


# ---------------------------------------------------------------------------------- places


def user_page(address: u32) -> u32:
    """The number of the user page at an address."""
    return (address - USER_BASE) >> PAGE_SHIFT


def pmd_index(address: u32) -> u32:
    """The number of the PMD for an address."""
    return (address - USER_BASE) >> PMD_SHIFT


def pte_index(address: u32) -> u32:
    """The place of an address in its PTE table."""
    return address >> PAGE_SHIFT & (PTRS_PER_PTE - 1)


def pmd_offset(mm: Mm, address: u32) -> Pmd:
    """The PMD for an address. The levels above are always there."""
    return mm.pgd.pmd[pmd_index(address)]


def pmd_table(pmd: u64) -> PageTable:
    """The PTE table that a PMD value points to."""
    return page_tables[pmd_pfn(pmd) - TABLE_PFN]


def pte_in(table: PageTable, address: u32) -> Pte:
    """The PTE for an address in a table."""
    return table.pte[pte_index(address)]


@restates("include/linux/mm.h", at="v4.14")
def pmd_lockptr(pmd: Pmd) -> SpinLock:
    """The lock of the table that the PMD is in."""
    return owner_of(pmd).ptl


def pte_lockptr(pte: Pte) -> SpinLock:
    """The lock of the table that the PTE is in."""
    return owner_of(pte).ptl


@restates("include/linux/mm.h", at="v4.14")
def pmd_lock(pmd: Pmd) -> SpinLock:
    """Take the lock of the table that the PMD is in."""
    ptl = owner_of(pmd).ptl
    spin_lock(ptl)
    return ptl


def mk_pte(page: Page, prot: u64) -> u64:
    """A PTE that maps a page."""
    return pfn_pte(page_to_pfn(page), prot)


def mk_huge_pmd(page: Page, prot: u64) -> u64:
    """A PMD that maps a huge page."""
    return pfn_pmd(page_to_pfn(page), prot)


@restates("include/linux/mm.h", at="v4.14")
def maybe_mkwrite(pte: u64, vma: Vma) -> u64:
    """Writable if the VMA is."""
    if vma.vm_flags & VM_WRITE:
        return pte_mkwrite(pte)
    return pte


def pmd_page(pmd: u64) -> Page:
    """The page that a PMD value maps; nonsense unless it is a present huge one."""
    return pfn_to_page(pmd_pfn(pmd))


def pmd_page_is(pmd: u64, page: Page) -> bool:
    """pmd_page(pmd) == page, also where the value is none or the address of a page table."""
    return pmd_pfn(pmd) == page_to_pfn(page)


# ------------------------------------------------------------------------------ page tables


@atomic
def pte_alloc_one() -> PageTable:
    """An empty PTE table; NULL if there is none left."""
    for k in range(NR_TABLES):
        table = page_tables[k]
        if not table.live:
            table.live = 1
            return table
    return NULL


@unlocked
def pte_free(table: PageTable) -> None:
    """Give a table back. It must be empty by now, and nobody may walk it."""
    if not table.live:
        bug("page table", "a PTE table is freed twice", table)
    for i in range(PTRS_PER_PTE):
        table.pte[i].val = 0
    table.live = 0


@restates("mm/pgtable-generic.c", at="v4.14")
def pgtable_trans_huge_deposit(pmd: Pmd, table: PageTable) -> None:
    """Set a table aside for when the huge PMD is split. The PMD's lock is held."""
    pgd = owner_of(pmd)
    deposit_next(table, pgd.pmd_huge_pte)
    pgd.pmd_huge_pte = table


@restates("mm/pgtable-generic.c", at="v4.14")
def pgtable_trans_huge_withdraw(pmd: Pmd) -> PageTable:
    """Take back a table that was set aside. The PMD's lock is held."""
    pgd = owner_of(pmd)
    table = pgd.pmd_huge_pte
    pgd.pmd_huge_pte = table.next
    deposit_next(table, NULL)
    return table


@initializer
def deposit_next(table: PageTable, following: PageTable) -> None:
    """Link a table that is not attached."""
    table.next = following


@initializer
def init_pte(pte: Pte, val: u64) -> None:
    """set_pte_at() on a table that is not attached yet: nobody walks it."""
    BUG_ON(not pte_none(pte.val))
    pte.val = val


def pmd_populate(pmd: Pmd, table: PageTable) -> None:
    """Attach a PTE table. The PMD's lock is held."""
    pmd.val = (TABLE_PFN + index_of(table)) << PAGE_SHIFT | _PAGE_TABLE


@restates("include/asm-generic/pgtable.h", at="v4.14")
def pmd_none_or_trans_huge_or_clear_bad(pmd: Pmd) -> bool:
    """Whether there is no stable page table to walk; a value that makes no sense is cleared."""
    val = pmd.val
    if has(PMD_MIGRATION_IN_COMMON_PATHS):
        unstable = pmd_none(val) or not pmd_present(val)
    else:
        unstable = pmd_none(val)
    if unstable or (has(PMD_HUGE_AT_ANY_TIME) and pmd_trans_huge(val)):
        return True
    if pmd_bad(val):
        pmd_clear_bad(pmd)
        return True
    return False


@restates("mm/mprotect.c", at="v5.6")
def pmd_none_or_clear_bad_unless_trans_huge(pmd: Pmd) -> bool:
    """Whether there is nothing; a value that is neither a page table nor huge is cleared."""
    val = pmd.val
    if pmd_none(val):
        return True
    if pmd_trans_huge(val):
        return False
    if pmd_bad(val):
        pmd_clear_bad(pmd)
        return True
    return False


@restates("include/asm-generic/pgtable.h", at="v4.14")
def pmd_none_or_clear_bad(pmd: Pmd) -> bool:
    """Whether there is no page table; a value that makes no sense is cleared."""
    val = pmd.val
    if pmd_none(val):
        return True
    if pmd_bad(val):
        pmd_clear_bad(pmd)
        return True
    return False


@unlocked
def pmd_clear_bad(pmd: Pmd) -> None:
    """pmd_ERROR() and pmd_clear(): the kernel does so with no lock at all."""
    bug("bad pmd", "bad pmd: an entry that is no page table is cleared", pmd)


# ---------------------------------------------------------------------------------- flushes


@acquire
def local_irq_disable() -> None:
    """No interrupts from here on, and so no flush that somebody else asks for."""
    cpu = cpus[this_task()]
    cpu.irqs_off = 1
    acquired(cpu)


@release
def local_irq_enable() -> None:
    """Serve interrupts again."""
    cpu = cpus[this_task()]
    released(cpu)
    cpu.irqs_off = 0


def _interrupts_are_off(mm: Mm) -> bool:
    """Whether another processor that runs an address space (or any, of none) serves no interrupts.

    It would do so one by one, and each may turn them off again when it has: it has forgotten then,
    and sees what is in memory.
    """
    if PINS:
        for cpu in range(NR_TASKS):
            if cpus[cpu].irqs_off and (not mm or tasks[cpu].mm is mm):
                return True
    return False


@atomic
def tlb_remove_table_sync_one() -> None:
    """Wait until nobody walks page tables with interrupts off."""
    wait_until(lambda: not _interrupts_are_off(NULL))


@atomic
def flush_tlb_range(mm: Mm, start: u32, end: u32) -> None:
    """Make every processor forget translations of a range; done when all have."""
    wait_until(lambda: not _interrupts_are_off(mm))
    for k in range(USER_PAGES):
        if user_page(start) <= k < user_page(end):
            mm.zapped[k] = 0
            mm.moved[k] = 0
    for cpu in range(NR_TASKS):
        if tasks[cpu].mm is mm:
            for k in range(USER_PAGES):
                if user_page(start) <= k < user_page(end):
                    cpus[cpu].small[k] = 0
            for k in range(PTRS_PER_PMD):
                if user_page(start) < (k + 1) * HPAGE_PMD_NR and k * HPAGE_PMD_NR < user_page(end):
                    cpus[cpu].huge[k] = 0


@atomic
def flush_tlb_mm(mm: Mm) -> None:
    """Make every processor forget all translations of an address space."""
    wait_until(lambda: not _interrupts_are_off(mm))
    for cpu in range(NR_TASKS):
        if tasks[cpu].mm is mm:
            for k in range(USER_PAGES):
                cpus[cpu].small[k] = 0
            for k in range(PTRS_PER_PMD):
                cpus[cpu].huge[k] = 0


@atomic
def flush_tlb_all() -> None:
    """Make every processor forget all translations."""
    wait_until(lambda: not _interrupts_are_off(NULL))
    for cpu in range(NR_TASKS):
        for k in range(USER_PAGES):
            cpus[cpu].small[k] = 0
        for k in range(PTRS_PER_PMD):
            cpus[cpu].huge[k] = 0


@restates("include/linux/mm_types.h", at="v4.14")
@atomic
def inc_tlb_flush_pending(mm: Mm) -> None:
    """Page tables are being changed, and the flush comes later."""
    if has(PENDING_FLUSHES_ARE_COUNTED):
        mm.tlb_flush_pending += 1
    else:
        mm.tlb_flush_pending = 1


@restates("include/linux/mm_types.h", at="v4.14")
@atomic
def dec_tlb_flush_pending(mm: Mm) -> None:
    """The flush has been done."""
    if has(PENDING_FLUSHES_ARE_COUNTED):
        mm.tlb_flush_pending -= 1
    else:
        mm.tlb_flush_pending = 0


@restates("include/linux/mm_types.h", at="v4.14")
def mm_tlb_flush_pending(mm: Mm) -> bool:
    """Whether somebody has changed page tables, and not flushed yet."""
    return has(PENDING_FLUSHES_ARE_NOTED) and mm.tlb_flush_pending != 0


@restates("include/linux/mm_types.h", at="v4.14")
def mm_tlb_flush_nested(mm: Mm) -> bool:
    """Whether somebody besides the caller is changing page tables, and will flush later."""
    return mm.tlb_flush_pending > 1


@atomic
def others_run(mm: Mm) -> bool:
    """Whether another processor runs this address space."""
    for cpu in range(NR_TASKS):
        if cpu != this_task() and tasks[cpu].mm is mm:
            return True
    return False


# ------------------------------------------------------------------- changing PTEs, under PTL


def set_pte_at(pte: Pte, val: u64) -> None:
    """A plain store."""
    pte.val = val


def set_pmd_at(pmd: Pmd, val: u64) -> None:
    """A plain store."""
    pmd.val = val


@atomic
def ptep_get_and_clear(pte: Pte) -> u64:
    """Exchange with 0."""
    was = pte.val
    pte.val = 0
    return was


@atomic
def ptep_get_and_clear_full(mm: Mm, address: u32, pte: Pte) -> u64:
    """Exchange with 0, to unmap for good: what the page held is lost, until it is flushed."""
    was = pte.val
    pte.val = 0
    forget(mm, user_page(address), cached_frame(was))
    return was


@atomic
def ptep_get_and_clear_moved(mm: Mm, old_addr: u32, new_addr: u32, pte: Pte) -> u64:
    """Exchange with 0, to set it elsewhere."""
    was = pte.val
    pte.val = 0
    move(mm, user_page(old_addr), user_page(new_addr), cached_frame(was))
    return was


@atomic
def pte_clear_not_present_full(mm: Mm, address: u32, pte: Pte) -> None:
    """Clear an entry that no TLB can have, to unmap for good."""
    pte.val = 0
    forget(mm, user_page(address), 0)


@restates("mm/pgtable-generic.c", at="v4.14")
def ptep_clear_flush(vma: Vma, address: u32, pte: Pte) -> u64:
    """Exchange with 0, and flush if a processor may have the translation."""
    was = ptep_get_and_clear(pte)
    if pte_accessible(vma.vm_mm, was):
        flush_tlb_range(vma.vm_mm, address, address + (1 << PAGE_SHIFT))
    return was


@restates("arch/x86/include/asm/pgtable.h", at="v4.14")
def pte_accessible(mm: Mm, pte: u64) -> bool:
    """Whether a TLB may hold it, or what it was before access was taken away."""
    if pte & _PAGE_PRESENT:
        return True
    return pte & _PAGE_PROTNONE != 0 and mm_tlb_flush_pending(mm)


@unlocked
def pte_clear(pte: Pte) -> None:
    """Clear the entry of a table that no processor reaches. Requires: its lock."""
    pte.val = 0


@atomic
def ptep_set_wrprotect(pte: Pte) -> None:
    """Clear the write bit. No flush: the caller does it."""
    pte.val = pte_wrprotect(pte.val)


@atomic
def ptep_test_and_clear_young(pte: Pte) -> bool:
    """Clear the accessed bit; whether it was set. No flush."""
    young = pte_young(pte.val)
    pte.val = pte_mkold(pte.val)
    return young


# ------------------------------------------------------------------- changing PMDs, under PTL


@atomic
def pmdp_huge_get_and_clear(pmd: Pmd) -> u64:
    """Exchange with 0."""
    was = pmd.val
    pmd.val = 0
    return was


@atomic
def pmdp_huge_get_and_clear_full(mm: Mm, address: u32, pmd: Pmd) -> u64:
    """Exchange with 0, to unmap for good."""
    was = pmd.val
    pmd.val = 0
    first = user_page(address)
    frame = cached_frame(was)
    for i in range(HPAGE_PMD_NR):
        forget(mm, first + i, frame + i if frame else 0)
    return was


@atomic
def pmdp_huge_get_and_clear_moved(mm: Mm, old_addr: u32, new_addr: u32, pmd: Pmd) -> u64:
    """Exchange with 0, to set it elsewhere."""
    was = pmd.val
    pmd.val = 0
    frame = cached_frame(was)
    for i in range(HPAGE_PMD_NR):
        move(mm, user_page(old_addr) + i, user_page(new_addr) + i, frame + i if frame else 0)
    return was


@atomic
def pmdp_table_get_and_clear_moved(mm: Mm, old_addr: u32, new_addr: u32, pmd: Pmd) -> u64:
    """Exchange with 0, to attach the page table elsewhere."""
    was = pmd.val
    pmd.val = 0
    table = pmd_table(was)
    for i in range(HPAGE_PMD_NR):
        frame = cached_frame(table.pte[i].val)
        move(mm, user_page(old_addr) + i, user_page(new_addr) + i, frame)
    return was


@restates("mm/pgtable-generic.c", at="v4.14")
def pmdp_huge_clear_flush(vma: Vma, address: u32, pmd: Pmd) -> u64:
    """Exchange with 0, and flush."""
    was = pmdp_huge_get_and_clear(pmd)
    assert pmd_trans_huge(was), "VM_BUG_ON(!pmd_trans_huge(*pmdp) && !pmd_devmap(*pmdp))"
    flush_pmd_tlb_range(vma, address)
    return was


@restates("mm/pgtable-generic.c", at="v4.14")
def pmdp_collapse_flush(vma: Vma, address: u32, pmd: Pmd) -> u64:
    """Detach a page table, and flush."""
    was = pmdp_huge_get_and_clear(pmd)
    flush_pmd_tlb_range(vma, address)
    return was


def flush_pmd_tlb_range(vma: Vma, address: u32) -> None:
    """Flush the translations of a huge page."""
    flush_tlb_range(vma.vm_mm, address, address + (HPAGE_PMD_NR << PAGE_SHIFT))


@atomic
def pmdp_establish_not_present(pmd: Pmd) -> u64:
    """pmdp_establish(): exchange a huge PMD with what it is when it is not present."""
    was = pmd.val
    pmd.val = pmd_mknotpresent(was)
    return was


@restates("mm/pgtable-generic.c", at="v4.16")
def pmdp_invalidate(vma: Vma, address: u32, pmd: Pmd) -> u64:
    """Make a huge PMD not present for the processor, and flush; what it was last."""
    was = pmdp_establish_not_present(pmd)
    flush_pmd_tlb_range(vma, address)
    return was


@pmdp_invalidate.before(PMDP_INVALIDATE_RETURNS_OLD, at="v4.14")
def pmdp_invalidate_in_two_steps(vma: Vma, address: u32, pmd: Pmd) -> u64:
    """The same in a read and a write: what the hardware sets between them is lost."""
    entry = pmd.val
    pmd.val = pmd_mknotpresent(entry)
    flush_pmd_tlb_range(vma, address)
    return 0


@atomic
def pmdp_test_and_clear_young(pmd: Pmd) -> bool:
    """Clear the accessed bit; whether it was set. No flush."""
    young = pmd_young(pmd.val)
    pmd.val = pmd_mkold(pmd.val)
    return young


@atomic
def pmdp_set_wrprotect(pmd: Pmd) -> None:
    """Clear the write bit. No flush: the caller does it."""
    pmd.val = pmd_wrprotect(pmd.val)


@restates("mm/huge_memory.c", at="v4.14")
def __pmd_trans_huge_lock(pmd: Pmd) -> SpinLock:
    """The PMD's lock, taken, if it maps a huge page or is a migration entry; else NULL."""
    ptl = pmd_lock(pmd)
    val = pmd.val
    if has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(val):
        return ptl
    if pmd_trans_huge(val) or pmd_devmap(val):
        return ptl
    spin_unlock(ptl)
    return NULL


@restates("include/linux/huge_mm.h", at="v4.14")
def pmd_trans_huge_lock(pmd: Pmd) -> SpinLock:
    """The same, with a look before taking the lock."""
    val = pmd.val
    if has(PMD_MIGRATION_IN_COMMON_PATHS) and is_swap_pmd(val):
        return __pmd_trans_huge_lock(pmd)
    if pmd_trans_huge(val) or pmd_devmap(val):
        return __pmd_trans_huge_lock(pmd)
    return NULL


# --------------------------------------------------------------- what loads must return (checking)


#: In `zapped`: several frames may still be cached, of pages that came one after the other.
ANY_FRAME = 0xFFFF


def may_be_stale(mm: Mm, k: u32, frame: u16) -> bool:
    """Whether a translation of user page `k` to a frame (plus one) may be of what is gone.

    What is mapped there now is not gone, unless that is MADV_FREE's doing.
    """
    if mm.zapped[k] == ANY_FRAME or (mm.zapped[k] == frame and not mm.moved[k]):
        return not _maps(mm, k, frame)
    return mm.zapped[k] == frame


def _maps(mm: Mm, k: u32, frame: u16) -> bool:
    """Whether user page `k` is mapped to a frame (plus one)."""
    nr: u16 = k % HPAGE_PMD_NR
    val = mm.pgd.pmd[k // HPAGE_PMD_NR].val
    if not val & _PAGE_PRESENT:
        return False
    if val & _PAGE_PSE:
        return pmd_pfn(val) + nr + 1 == frame
    pte = pmd_table(val).pte[nr].val
    return pte & _PAGE_PRESENT != 0 and pte_pfn(pte) + 1 == frame


def forget(mm: Mm, k: u32, frame: u16) -> None:
    """User page `k` was unmapped for good; `frame` (plus one; 0 for none) may still be cached.

    From now on it reads as zero. Stores through a stale translation of the old page are lost, and
    may be, until the flush. What the oom reaper takes may not be missed: nobody is to look again.
    """
    if mm.flags & MMF_UNSTABLE:
        return
    mm.last_store[k] = 0
    if frame and mm.zapped[k] and mm.zapped[k] != frame:
        mm.zapped[k] = ANY_FRAME
    else:
        mm.zapped[k] = frame
    mm.pinned[k] = 0
    mm.moved[k] = 0


def move(mm: Mm, k: u32, to: u32, frame: u16) -> None:
    """What was user page `k` is user page `to` from now on; `frame` as above.

    Stores through a stale translation reach the page where it is now, until the flush.
    """
    mm.last_store[to] = mm.last_store[k]
    mm.pinned[to] = mm.pinned[k]
    forget(mm, k, frame)
    mm.moved[k] = to + 1 if frame else 0


def cached_frame(entry: u64) -> u16:
    """One more than the frame of an entry that a TLB may hold; 0 for any other."""
    if not entry & (_PAGE_PRESENT | _PAGE_PROTNONE):
        return 0
    return (pte_pfn(entry) & 0x7FFF) + 1


@unlocked
def thrown_away(mm: Mm, start: u32, end: u32) -> None:
    """This task is told that a range reads as zero: its processor may not have anything else."""
    cpu = cpus[this_task()]
    for k in range(USER_PAGES):
        if user_page(start) <= k < user_page(end):
            if cpu.small[k] or cpu.huge[k // HPAGE_PMD_NR]:
                mm.zapped[k] = 0


def note_pin(mm: Mm, address: u32, page: Page) -> None:
    """User page at an address is pinned: what a device does to `page` is the process's doing, until
    it is unmapped for good.
    """
    k = user_page(address)
    mm.pinned[k] = page_to_pfn(page) + 1
    task = tasks[this_task()]
    task.held_in = mm.pinned[k]
    task.held = mm.last_store[k]


def note_held(mm: Mm, frame: u16, value: u8) -> None:
    """A process stores in a frame (plus one): who has pinned it for the process may see that."""
    for t in range(NR_TASKS):
        if tasks[t].held_in == frame and tasks[t].mm is mm:
            tasks[t].held = value


@unlocked
def store_to_pinned(mm: Mm, address: u32, page: Page, value: u8) -> None:
    """Store a byte, on behalf of a process, in a page that somebody has pinned for it."""
    if has(WATCHED) and page.buddy:
        bug("use after free", "a pinned page has been freed", page)
    page.data = value
    k = user_page(address)
    if mm.pinned[k] == page_to_pfn(page) + 1:
        mm.last_store[k] = value
    note_held(mm, page_to_pfn(page) + 1, value)


@unlocked
def load_from_pinned(mm: Mm, address: u32, page: Page) -> None:
    """Load a byte of such a page: it is what the process last had in it, or has there now."""
    data = page.data
    if has(WATCHED) and data != tasks[this_task()].held:
        if data != mm.last_store[user_page(address)]:
            bug("leak", "what another process stored is read through a pin", page)


def copied_for_child(mm: Mm, oldmm: Mm, address: u32, page: Page) -> None:
    """A child gets what its parent has at an address now, and nothing that comes later."""
    k = user_page(address)
    mm.last_store[k] = oldmm.last_store[k]
    mm.pinned[k] = page_to_pfn(page) + 1
