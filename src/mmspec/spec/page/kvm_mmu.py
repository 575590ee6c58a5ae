"""A guest and its faults (arch/x86/kvm/mmu.c), as far as it takes to map single pages."""

from __future__ import annotations

from mmspec.kernels import WATCHED
from mmspec.lang import bug, has, restates, this_task, u8, u16, u32, u64, unlocked
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import PAGE_COPY, pte_mkwrite, pte_pfn, pte_present, pte_write
from mmspec.spec.page.gup import FOLL_GET, FOLL_WRITE, FollowedPage, __get_user_pages
from mmspec.spec.page.mm_types import Kvm, Mm, Page, kvms, mem_map, tasks
from mmspec.spec.page.pgtable import may_be_stale, mk_pte, user_page
from mmspec.spec.page.swap import put_page


@restates("virt/kvm/kvm_main.c", at="v4.14")
def hva_to_pfn(mm: Mm, address: u32, write: bool, found: FollowedPage) -> bool:
    """The page at an address, with a reference; faulted in if need be."""
    flags = FOLL_GET
    if write:
        flags |= FOLL_WRITE
    down_read(mm.mmap_sem)
    ret = __get_user_pages(mm, address, flags, found)
    up_read(mm.mmap_sem)
    return ret == 1


@restates("arch/x86/kvm/mmu.c", at="v4.14")
def tdp_page_fault(kvm: Kvm, address: u32, write: bool) -> bool:
    """Map a page into the guest; nothing is mapped, and the guest faults again, if it may have
    changed meanwhile. False: there is nothing to map.
    """
    found = FollowedPage()
    kvm.mmu_notifier_seq = False
    if not hva_to_pfn(kvm.mm, address, write, found):
        return False
    page = found.page
    entry = mk_pte(page, PAGE_COPY)
    if write:
        entry = pte_mkwrite(entry)
    spin_lock(kvm.mmu_lock)
    if not mmu_notifier_retry(kvm):
        kvm.spte[user_page(address)] = entry
    spin_unlock(kvm.mmu_lock)
    # the entry lasts no longer than the process's own: it needs no reference
    put_page(page)
    return True


@restates("include/linux/kvm_host.h", at="v4.14")
def mmu_notifier_retry(kvm: Kvm) -> bool:
    """Whether a page that was looked up may not be the right one. Requires: mmu_lock."""
    return kvm.mmu_notifier_count != 0 or kvm.mmu_notifier_seq


def _reach(entry: u64) -> Page:
    page = mem_map[pte_pfn(entry)]
    if has(WATCHED) and page.buddy:
        bug("use after free", "a guest reaches a freed page", page)
    return page


@unlocked
def guest_cpu_store(address: u32, value: u8) -> bool:
    """Store one byte in the guest; False for a fault."""
    k = user_page(address)
    entry = kvms[0].spte[k]
    if not pte_write(entry):
        return False
    _reach(entry).data = value
    mm = tasks[this_task()].mm
    frame: u16 = pte_pfn(entry) + 1
    if not may_be_stale(mm, k, frame):
        mm.last_store[k] = value
    return True


@unlocked
def guest_cpu_load(address: u32) -> bool:
    """Load one byte in the guest, and see that it is the one last stored; False for a fault."""
    k = user_page(address)
    entry = kvms[0].spte[k]
    if not pte_present(entry):
        return False
    data = _reach(entry).data
    mm = tasks[this_task()].mm
    frame: u16 = pte_pfn(entry) + 1
    if has(WATCHED) and not may_be_stale(mm, k, frame) and data != mm.last_store[k]:
        bug("lost store", "a load by a guest does not return the last store", mm)
    return True
