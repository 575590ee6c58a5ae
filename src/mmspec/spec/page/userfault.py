"""Faults that a process serves itself, and who waits for that (fs/userfaultfd.c).

An address space has one userfaultfd; whose faults it serves is a VMA's flag, of the whole VMA.
Omits: events of fork(2), mremap(2) and madvise(2), and closing.
"""

from __future__ import annotations

from mmspec.kernels.changes import USERFAULT_WAITS_ONLY_FOR_NONE, USERFAULTFD_WP
from mmspec.lang import atomic, has, initializer, restates, this_task, u8, u32, wait_until
from mmspec.spec.machine.locks import up_read
from mmspec.spec.machine.pgtable import (
    pmd_none,
    pmd_present,
    pmd_trans_huge,
    pmd_write,
    pte_none,
    pte_write,
)
from mmspec.spec.machine.sizes import NR_TASKS, NR_USERFAULTFDS
from mmspec.spec.page.huge_memory import (
    FAULT_FLAG_ALLOW_RETRY,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VmFault,
)
from mmspec.spec.page.mm_types import (
    VM_UFFD_MISSING,
    VM_UFFD_WP,
    Mm,
    UserfaultWait,
    Vma,
    userfaultfds,
)
from mmspec.spec.page.pgtable import pmd_offset, pmd_table, pte_in


@initializer
def userfaultfd(mm: Mm) -> None:
    """userfaultfd(2): from now on VMAs can be registered."""
    userfaultfds[0].mm = mm


def userfaultfd_missing(vma: Vma) -> bool:
    """Whether what is missing in a VMA is to be filled in by the process."""
    return NR_USERFAULTFDS != 0 and vma.vm_flags & VM_UFFD_MISSING != 0


def userfaultfd_wp(vma: Vma) -> bool:
    """Whether stores to what is write-protected in a VMA are to be reported to the process."""
    return NR_USERFAULTFDS != 0 and vma.vm_flags & VM_UFFD_WP != 0


# ---------------------------------------------------------------------------------- who waits


@atomic
def _queue(uwq: UserfaultWait, address: u32) -> None:
    uwq.address = address
    uwq.waken = 0


@atomic
def _schedule(uwq: UserfaultWait) -> None:
    wait_until(lambda: uwq.waken != 0)


@atomic
def _dequeue(uwq: UserfaultWait) -> None:
    uwq.address = 0
    uwq.waken = 0


@restates("fs/userfaultfd.c", at="v5.7")
def userfaultfd_must_wait(mm: Mm, address: u32, reason: u32) -> bool:
    """Whether there is still something to wait for: the fault may have been served meanwhile.

    Requires: mmap_sem.
    """
    pmd = pmd_offset(mm, address)
    pmdval = pmd.val
    if has(USERFAULT_WAITS_ONLY_FOR_NONE):
        if pmd_none(pmdval):
            return True
        if not pmd_present(pmdval):
            return False
    elif not pmd_present(pmdval):
        return True
    if pmd_trans_huge(pmdval):
        return has(USERFAULTFD_WP) and not pmd_write(pmdval) and reason & VM_UFFD_WP != 0
    pteval = pte_in(pmd_table(pmdval), address).val
    if pte_none(pteval):
        return True
    return has(USERFAULTFD_WP) and not pte_write(pteval) and reason & VM_UFFD_WP != 0


@restates("fs/userfaultfd.c", at="v5.7")
def handle_userfault(vmf: VmFault, reason: u32) -> u8:
    """Report a fault, and sleep until the process has served it; then fault again.

    Requires: mmap_sem for reading, which is given back.
    """
    if not vmf.flags & FAULT_FLAG_ALLOW_RETRY:
        return VM_FAULT_OOM
    mm = vmf.vma.vm_mm
    uwq = userfaultfds[0].wait[this_task()]
    # first be there to be woken, then see whether it is needed
    _queue(uwq, vmf.address)
    must_wait = userfaultfd_must_wait(mm, vmf.address, reason)
    up_read(mm.mmap_sem)
    if must_wait:
        _schedule(uwq)
    _dequeue(uwq)
    return VM_FAULT_RETRY


# --------------------------------------------------------------------------------- who serves


def _anybody_waits() -> bool:
    for t in range(NR_TASKS):
        if userfaultfds[0].wait[t].address and not userfaultfds[0].wait[t].waken:
            return True
    return False


@atomic
def userfaultfd_read() -> None:
    """read(2): wait until there is a fault to be served. Callers know which it must be."""
    wait_until(lambda: _anybody_waits())


@atomic
def wake_userfault(start: u32, end: u32) -> None:
    """Wake who waits in a range."""
    for t in range(NR_TASKS):
        uwq = userfaultfds[0].wait[t]
        address = uwq.address
        if start <= address < end:
            uwq.waken = 1
