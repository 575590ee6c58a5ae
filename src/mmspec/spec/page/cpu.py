"""The processor: how user code loads and stores, through its TLB.

To translate an address and to use the translation is one step. A translation is cached when it is
first used, and kept until it is flushed, or found to deny an access. What a store last wrote, and
what a load must therefore return, is kept beside memory and compared.
"""

from __future__ import annotations

from mmspec.kernels import WATCHED
from mmspec.lang import bug, has, this_task, u8, u16, u32, u64, unlocked
from mmspec.spec.machine.pgtable import (
    _PAGE_ACCESSED,
    _PAGE_DIRTY,
    _PAGE_PRESENT,
    _PAGE_PSE,
    _PAGE_RW,
    PTE_PFN_MASK,
    pmd_pfn,
    pte_pfn,
)
from mmspec.spec.machine.sizes import NR_USERFAULTFDS
from mmspec.spec.page.mm_types import (
    Cpu,
    Mm,
    Page,
    cpus,
    mem_map,
    tasks,
    userfaultfds,
)
from mmspec.spec.page.pgtable import (
    may_be_stale,
    note_held,
    pmd_index,
    pmd_table,
    pte_index,
    user_page,
)

#: bits that must be set for a store
_WRITABLE = _PAGE_PRESENT | _PAGE_RW


def _usable(entry: u64, write: bool) -> bool:
    wanted = _WRITABLE if write else _PAGE_PRESENT
    return entry & wanted == wanted


def _used(entry: u64, write: bool) -> u64:
    """An entry after the processor has used it."""
    if write:
        return entry | _PAGE_ACCESSED | _PAGE_DIRTY
    return entry | _PAGE_ACCESSED


def _by_huge_tlb(cpu: Cpu, mm: Mm, address: u32, write: bool) -> u16:
    """The frame by a cached huge translation; 0 (and the translation dropped) to fault."""
    k = pmd_index(address)
    cached = cpu.huge[k]
    if not _usable(cached, write):
        cpu.huge[k] = 0
        return 0
    if write and not cached & _PAGE_DIRTY:
        # the dirty bit is set in memory first, and only if the entry still allows the store
        pmd = mm.pgd.pmd[k]
        val = pmd.val
        if not _usable(val, True) or not val & _PAGE_PSE or pmd_pfn(val) != pmd_pfn(cached):
            cpu.huge[k] = 0
            return 0
        pmd.val = _used(val, True)
        cpu.huge[k] = _used(cached, True)
    return pmd_pfn(cached) + pte_index(address) + 1


def _by_small_tlb(cpu: Cpu, mm: Mm, address: u32, write: bool) -> u16:
    """The same by a cached translation of one page."""
    k = user_page(address)
    cached = cpu.small[k]
    if not _usable(cached, write):
        cpu.small[k] = 0
        return 0
    if write and not cached & _PAGE_DIRTY:
        pmd = mm.pgd.pmd[pmd_index(address)].val
        if not pmd & _PAGE_PRESENT or pmd & _PAGE_PSE:
            cpu.small[k] = 0
            return 0
        pte = pmd_table(pmd).pte[pte_index(address)]
        if not _usable(pte.val, True) or pte.val & PTE_PFN_MASK != cached & PTE_PFN_MASK:
            cpu.small[k] = 0
            return 0
        pte.val = _used(pte.val, True)
        cpu.small[k] = _used(cached, True)
    return pte_pfn(cached) + 1


def _walk(cpu: Cpu, mm: Mm, address: u32, write: bool) -> u16:
    """The frame by a walk of the page tables, which sets accessed and dirty, and is cached."""
    pmd = mm.pgd.pmd[pmd_index(address)]
    val = pmd.val
    if not _usable(val, write):
        return 0
    if val & _PAGE_PSE:
        pmd.val = _used(val, write)
        cpu.huge[pmd_index(address)] = pmd.val
        return pmd_pfn(val) + pte_index(address) + 1
    table = pmd_table(val)
    if has(WATCHED) and not table.live:
        bug("page table", "the processor walks a freed page table", table)
    pte = table.pte[pte_index(address)]
    if not _usable(pte.val, write):
        return 0
    pte.val = _used(pte.val, write)
    cpu.small[user_page(address)] = pte.val
    return pte_pfn(pte.val) + 1


def _translate(address: u32, write: bool) -> u16:
    """One more than the frame that an access reaches; 0 to fault."""
    cpu = cpus[this_task()]
    mm = tasks[this_task()].mm
    if cpu.huge[pmd_index(address)]:
        return _by_huge_tlb(cpu, mm, address, write)
    if cpu.small[user_page(address)]:
        return _by_small_tlb(cpu, mm, address, write)
    return _walk(cpu, mm, address, write)


def _reach(frame: u16) -> Page:
    page = mem_map[frame - 1]
    if has(WATCHED) and page.buddy:
        bug("use after free", "a processor reaches a freed page", page)
    return page


@unlocked
def cpu_store(address: u32, value: u8) -> bool:
    """Store one byte; False for a fault."""
    frame = _translate(address, True)
    if not frame:
        return False
    _reach(frame).data = value
    mm = tasks[this_task()].mm
    k = user_page(address)
    for u in range(NR_USERFAULTFDS):
        if userfaultfds[u].mm is mm and userfaultfds[u].protected[k]:
            bug("unreported store", "a store to a protected page is not reported", mm)
    if not may_be_stale(mm, k, frame):
        mm.last_store[k] = value
    elif mm.moved[k]:
        mm.last_store[mm.moved[k] - 1] = value
    note_held(mm, frame, value)
    return True


@unlocked
def cpu_load(address: u32) -> bool:
    """Load one byte, and see that it is the one last stored; False for a fault."""
    frame = _translate(address, False)
    if not frame:
        return False
    data = _reach(frame).data
    mm = tasks[this_task()].mm
    k = user_page(address)
    if has(WATCHED) and not may_be_stale(mm, k, frame) and data != mm.last_store[k]:
        bug("lost store", "a load does not return the last store", mm)
    return True
