"""NUMA balancing: asking which processor uses what (kernel/sched/fair.c)."""

from __future__ import annotations

from mmspec.lang import restates, this_task, u32
from mmspec.spec.machine.locks import down_read, up_read
from mmspec.spec.machine.pgtable import PAGE_NONE
from mmspec.spec.page.memory import vma_is_accessible
from mmspec.spec.page.mm import MM_CP_PROT_NUMA
from mmspec.spec.page.mm_types import Vma, tasks
from mmspec.spec.page.mprotect import change_protection


@restates("mm/mempolicy.c", at="v4.14")
def change_prot_numa(vma: Vma, start: u32, end: u32) -> int:
    """Take access away, so that the next one faults and tells where it came from."""
    return change_protection(vma, start, end, PAGE_NONE, MM_CP_PROT_NUMA)


@restates("kernel/sched/fair.c", at="v4.14")
def task_numa_work() -> None:
    """Do so with all memory of this task's process, now and then, before it returns to user space.

    Omits: how often and how much at a time, and giving up if mmap_sem is taken.
    """
    mm = tasks[this_task()].mm
    down_read(mm.mmap_sem)
    vma = mm.mmap
    while vma:
        # memory that is bound to nodes stays there; a hint must not be taken for PROT_NONE
        if not vma.vm_policy and vma_is_accessible(vma):
            change_prot_numa(vma, vma.vm_start, vma.vm_end)
        vma = vma.vm_next
    up_read(mm.mmap_sem)
