"""How guests are told of changes to the memory they use (virt/kvm/kvm_main.c).

A guest's memory is a process's; it runs in a thread of that, and its addresses are the process's.
"""

from __future__ import annotations

from mmspec.lang import atomic, initializer, restates, u32
from mmspec.spec.machine.locks import spin_lock, spin_unlock
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_PAGES
from mmspec.spec.page.mm_types import Kvm, Mm, kvms
from mmspec.spec.page.pgtable import user_page


@initializer
def kvm_create_vm(mm: Mm) -> None:
    """A guest with a process's memory, all of which it has yet to fault in."""
    kvms[0].mm = mm


# ------------------------------------------------------------------------------ notifications


@atomic
def kvm_unmap_hva_range(kvm: Kvm, start: u32, end: u32) -> None:
    """Drop entries of a range, from the guest's TLB as well. Requires: mmu_lock."""
    for k in range(USER_PAGES):
        if user_page(start) <= k < user_page(end):
            kvm.spte[k] = 0


@restates("virt/kvm/kvm_main.c", at="v4.14")
def kvm_mmu_notifier_invalidate_range_start(kvm: Kvm, start: u32, end: u32) -> None:
    """Drop what the guest has of a range; what it is looking up now will be looked up again."""
    spin_lock(kvm.mmu_lock)
    # only at the end is it the entries' new contents that are looked up
    kvm.mmu_notifier_count += 1
    kvm_unmap_hva_range(kvm, start, end)
    spin_unlock(kvm.mmu_lock)


@restates("virt/kvm/kvm_main.c", at="v4.14")
def kvm_mmu_notifier_invalidate_range_end(kvm: Kvm, start: u32, end: u32) -> None:
    """Whoever looked something up before now must look again."""
    spin_lock(kvm.mmu_lock)
    kvm.mmu_notifier_count -= 1
    kvm.mmu_notifier_seq = True
    spin_unlock(kvm.mmu_lock)


@restates("virt/kvm/kvm_main.c", at="v4.12")
def kvm_mmu_notifier_invalidate_page(kvm: Kvm, address: u32) -> None:
    """Drop what the guest has of one page, when the process has it no more."""
    spin_lock(kvm.mmu_lock)
    kvm.mmu_notifier_seq = True
    kvm_unmap_hva_range(kvm, address, address + PAGE_SIZE)
    spin_unlock(kvm.mmu_lock)


@restates("virt/kvm/kvm_main.c", at="v4.14")
def kvm_mmu_notifier_release(kvm: Kvm) -> None:
    """The process is gone: drop everything."""
    spin_lock(kvm.mmu_lock)
    for k in range(USER_PAGES):
        kvm.spte[k] = 0
    spin_unlock(kvm.mmu_lock)
