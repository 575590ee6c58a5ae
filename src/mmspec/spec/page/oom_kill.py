"""Memory is short: one process is killed, and its memory taken from it at once (mm/oom_kill.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    EXIT_AND_OOM_REAPER_AT_ONCE,
    OOM_REAPER_GATHERS_EACH_VMA,
)
from mmspec.lang import has, initializer, restates
from mmspec.spec.machine.locks import down_read, up_read
from mmspec.spec.machine.sizes import USER_BASE, USER_END
from mmspec.spec.page.memory import zap_pmd_range
from mmspec.spec.page.mm import set_mm_flag
from mmspec.spec.page.mm_types import MMF_OOM_SKIP, MMF_UNSTABLE, VM_LOCKED, Mm, Vma
from mmspec.spec.page.mmap import mmdrop, mmget_not_zero, mmgrab, mmput
from mmspec.spec.page.mmu_gather import MmuGather, tlb_finish_mmu, tlb_gather_mmu


@initializer
def _set_oom_victim(mm: Mm) -> None:
    mm.oom_victim = 1


@restates("mm/oom_kill.c", at="v4.14")
def mark_oom_victim(mm: Mm) -> None:
    """This process is killed. Its threads go on until they notice. Omits: signals."""
    _set_oom_victim(mm)
    mmgrab(mm)


@restates("mm/madvise.c", at="v4.14")
def can_madv_dontneed_vma(vma: Vma) -> bool:
    """Whether its pages may be dropped."""
    return not vma.vm_flags & VM_LOCKED


def _unmap_vmas(mm: Mm) -> None:
    """Unmap what may be dropped. Requires: mmap_sem."""
    tlb = MmuGather()
    if not has(OOM_REAPER_GATHERS_EACH_VMA):
        # as if nobody used it any more: some architectures do not flush then; x86 does
        tlb_gather_mmu(tlb, mm, True)
    vma = mm.mmap
    while vma:
        if can_madv_dontneed_vma(vma):
            if has(OOM_REAPER_GATHERS_EACH_VMA):
                tlb_gather_mmu(tlb, mm, False)
            zap_pmd_range(tlb, vma, vma.vm_start, vma.vm_end)
            if has(OOM_REAPER_GATHERS_EACH_VMA):
                tlb_finish_mmu(tlb, vma.vm_start, vma.vm_end)
        vma = vma.vm_next
    if not has(OOM_REAPER_GATHERS_EACH_VMA):
        tlb_finish_mmu(tlb, USER_BASE, USER_END)


@restates("mm/oom_kill.c", at="v4.14")
def __oom_reap_task_mm(mm: Mm) -> None:
    """Take a victim's memory. Omits: giving up for now if mmap_sem is taken; MMU notifiers."""
    down_read(mm.mmap_sem)
    if not mm.flags & MMF_OOM_SKIP:
        set_mm_flag(mm, MMF_UNSTABLE)
        _unmap_vmas(mm)
    up_read(mm.mmap_sem)


@__oom_reap_task_mm.before(EXIT_AND_OOM_REAPER_AT_ONCE, at="v4.13")
def __oom_reap_task_mm_as_its_user(mm: Mm) -> None:
    """The same; as a user of the address space, so that it does not go away meanwhile."""
    down_read(mm.mmap_sem)
    if not mmget_not_zero(mm):
        up_read(mm.mmap_sem)
        return
    set_mm_flag(mm, MMF_UNSTABLE)
    _unmap_vmas(mm)
    up_read(mm.mmap_sem)
    mmput(mm)


@restates("mm/oom_kill.c", at="v4.14")
def oom_reap_task(mm: Mm) -> None:
    """The oom reaper's turn with one victim."""
    __oom_reap_task_mm(mm)
    set_mm_flag(mm, MMF_OOM_SKIP)
    mmdrop(mm)
