"""Telling those who keep translations of a process's memory that they change (mm/mmu_notifier.c).

The only ones here are guests. Callbacks may sleep, whatever a guest's does. Omits:
invalidate_range(), for devices that walk the process's own page tables; change_pte() and the
callbacks about accessed bits, which save a guest faults.
"""

from __future__ import annotations

from mmspec.lang import bug, holds, restates, u32
from mmspec.spec.machine.sizes import NR_GUESTS, NR_TABLES
from mmspec.spec.page.kvm_main import (
    kvm_mmu_notifier_invalidate_page,
    kvm_mmu_notifier_invalidate_range_end,
    kvm_mmu_notifier_invalidate_range_start,
    kvm_mmu_notifier_release,
)
from mmspec.spec.page.mm_types import Mm, kvms, page_tables


@restates("include/linux/kernel.h", at="v4.14")
def might_sleep(mm: Mm) -> None:
    """Complain if a lock of the address space's page tables is held (CONFIG_DEBUG_ATOMIC_SLEEP)."""
    atomic = holds(mm.pgd.ptl)
    for t in range(NR_TABLES):
        if holds(page_tables[t].ptl):
            atomic = True
    if atomic:
        bug("sleeping in atomic context", "BUG: sleeping function called from invalid context", mm)


@restates("include/linux/mmu_notifier.h", at="v4.14")
def mmu_notifier_invalidate_range_start(mm: Mm, start: u32, end: u32) -> None:
    """Entries of a range are about to change: no translation of it may be used until the end."""
    for k in range(NR_GUESTS):
        if kvms[k].mm is mm:
            might_sleep(mm)
            kvm_mmu_notifier_invalidate_range_start(kvms[k], start, end)


@restates("include/linux/mmu_notifier.h", at="v4.14")
def mmu_notifier_invalidate_range_end(mm: Mm, start: u32, end: u32) -> None:
    """They have changed."""
    for k in range(NR_GUESTS):
        if kvms[k].mm is mm:
            might_sleep(mm)
            kvm_mmu_notifier_invalidate_range_end(kvms[k], start, end)


@restates("include/linux/mmu_notifier.h", at="v4.12")
def mmu_notifier_invalidate_page(mm: Mm, address: u32) -> None:
    """The entry of one page has changed."""
    for k in range(NR_GUESTS):
        if kvms[k].mm is mm:
            kvm_mmu_notifier_invalidate_page(kvms[k], address)


@restates("include/linux/mmu_notifier.h", at="v4.14")
def mmu_notifier_release(mm: Mm) -> None:
    """The address space is being taken down."""
    for k in range(NR_GUESTS):
        if kvms[k].mm is mm:
            kvm_mmu_notifier_release(kvms[k])
