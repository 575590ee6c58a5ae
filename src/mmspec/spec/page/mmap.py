"""Address spaces and their parts: mmap, munmap, exit (mm/mmap.c, kernel/fork.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    EXIT_AND_OOM_REAPER_AT_ONCE,
    ZAP_FLUSHES_ALL_ITS_RANGE,
    ZAP_LEAVES_FLUSHES_TO_GATHER,
)
from mmspec.lang import (
    NULL,
    atomic,
    bug,
    has,
    initializer,
    restates,
    this_task,
    u16,
    u32,
    u64,
    unlocked,
)
from mmspec.spec.machine.locks import down_write, up_write
from mmspec.spec.machine.pgtable import PAGE_COPY, PAGE_NONE
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    NR_MMS,
    NR_STABLE_NODES,
    NR_VMAS,
    PAGE_SHIFT,
    PTRS_PER_PMD,
    USER_END,
    USER_PAGES,
)
from mmspec.spec.page.huge_zero_page import mm_put_huge_zero_page
from mmspec.spec.page.memory import copy_page_range, zap_pmd_range
from mmspec.spec.page.mm import add_nr_ptes, set_mm_flag
from mmspec.spec.page.mm_types import (
    ENOMEM,
    MMF_OOM_SKIP,
    VM_EXEC,
    VM_LOCKED,
    VM_READ,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
    VM_WRITE,
    Mm,
    Pmd,
    Vma,
    cpus,
    mms,
    tasks,
    vmas,
)
from mmspec.spec.page.mmu_gather import MmuGather, pte_free_tlb, tlb_finish_mmu, tlb_gather_mmu
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
    mmu_notifier_release,
)
from mmspec.spec.page.pgtable import (
    flush_tlb_mm,
    flush_tlb_range,
    pmd_none_or_clear_bad,
    pmd_offset,
    pmd_table,
    thrown_away,
)
from mmspec.spec.page.rmap import anon_vma_clone, anon_vma_fork, unlink_anon_vmas

FIRST_USER_ADDRESS = 0

# ------------------------------------------------------------------------------------- VMAs


@restates("mm/mmap.c", at="v4.14")
def find_vma(mm: Mm, address: u32) -> Vma:
    """The first VMA that ends after an address; NULL if there is none. Requires: mmap_sem."""
    vma = mm.mmap
    while vma:
        if address < vma.vm_end:
            return vma
        vma = vma.vm_next
    return NULL


@atomic
def vm_area_alloc() -> Vma:
    """A VMA structure; NULL if there is none left."""
    for k in range(NR_VMAS):
        vma = vmas[k]
        if not vma.used:
            vma.used = 1
            return vma
    return NULL


@restates("mm/mmap.c", at="v4.14")
def vm_get_page_prot(vm_flags: u32) -> u64:
    """What entries of a private mapping are made of: never writable at first."""
    if vm_flags & (VM_READ | VM_WRITE | VM_EXEC):
        return PAGE_COPY
    return PAGE_NONE


@initializer
def vma_init(vma: Vma, mm: Mm, start: u32, end: u32, flags: u32) -> None:
    """The fields of a VMA of private anonymous memory that is not linked yet."""
    vma.vm_mm = mm
    vma.vm_start = start
    vma.vm_end = end
    vma.vm_pgoff = start >> PAGE_SHIFT
    vma.vm_page_prot = vm_get_page_prot(flags)
    vma.vm_flags = flags
    vma.vm_next = NULL
    vma.vm_policy = 0
    vma.anon_vma = NULL
    vma.anon_vma_chain = NULL


@initializer
def vma_copy(vma: Vma, source: Vma, mm: Mm) -> None:
    """A child's copy of a VMA, not linked yet; neither locks on memory nor userfaultfds are
    inherited."""
    vma.vm_mm = mm
    vma.vm_start = source.vm_start
    vma.vm_end = source.vm_end
    vma.vm_pgoff = source.vm_pgoff
    vma.vm_page_prot = source.vm_page_prot
    vma.vm_flags = source.vm_flags & ~(VM_LOCKED | VM_UFFD_MISSING | VM_UFFD_WP)
    vma.vm_next = NULL
    vma.vm_policy = source.vm_policy
    vma.anon_vma = NULL
    vma.anon_vma_chain = NULL


@initializer
def vma_copy_to(vma: Vma, source: Vma, start: u32, length: u32, pgoff: u16) -> None:
    """A copy of a VMA at another place of its address space, not linked yet."""
    vma_copy(vma, source, source.vm_mm)
    vma.vm_flags = source.vm_flags
    vma.vm_start = start
    vma.vm_end = start + length
    vma.vm_pgoff = pgoff
    vma.anon_vma = source.anon_vma


@atomic
def vm_area_free(vma: Vma) -> None:
    """Give a VMA structure back, when nothing leads to it any more."""
    vma.used = 0
    vma_init(vma, NULL, 0, 0, 0)


@restates("mm/mmap.c", at="v4.14")
def vma_link(mm: Mm, vma: Vma) -> None:
    """Link a VMA into the address space, by address. Requires: mmap_sem for writing."""
    before: Vma = NULL
    following = mm.mmap
    while following and following.vm_start < vma.vm_start:
        before = following
        following = following.vm_next
    vma.vm_next = following
    if before:
        before.vm_next = vma
    else:
        mm.mmap = vma


def vma_unlink(mm: Mm, vma: Vma) -> Vma:
    """Take a VMA out of the address space; the one before it. Requires: mmap_sem for writing."""
    following = vma.vm_next
    if mm.mmap is vma:
        mm.mmap = following
        return NULL
    before = mm.mmap
    while before.vm_next is not vma:
        before = before.vm_next
    before.vm_next = following
    return before


@restates("mm/mmap.c", at="v4.14")
def do_mmap(mm: Mm, start: u32, length: u32, flags: u32) -> int:
    """Map private anonymous memory at a fixed address."""
    vma = vm_area_alloc()
    if not vma:
        return -ENOMEM
    vma_init(vma, mm, start, start + length, flags)
    down_write(mm.mmap_sem)
    vma_link(mm, vma)
    up_write(mm.mmap_sem)
    return 0


@restates("mm/mmap.c", at="v4.14")
def copy_vma(vma: Vma, start: u32, length: u32, pgoff: u16) -> Vma:
    """A VMA at another place for what `vma` maps; NULL if there is none. Omits: merging.

    Requires: mmap_sem for writing.
    """
    new_vma = vm_area_alloc()
    if not new_vma:
        return NULL
    if not vma.anon_vma:
        # nothing is mapped there yet: its offsets are as if it had always been at its new place
        pgoff = start >> PAGE_SHIFT
    vma_copy_to(new_vma, vma, start, length, pgoff)
    if anon_vma_clone(new_vma, vma):
        vm_area_free(new_vma)
        return NULL
    vma_link(vma.vm_mm, new_vma)
    return new_vma


# ------------------------------------------------------------------------------- page tables


@unlocked
def pmd_clear(pmd: Pmd) -> None:
    """Detach a page table. Nobody finds it any more: its VMA is unlinked, no TLB walks it."""
    pmd.val = 0


@restates("mm/memory.c", at="v4.14")
def free_pte_range(tlb: MmuGather, pmd: Pmd, address: u32) -> None:
    """Detach one page table, and free it later."""
    pmdval = pmd.val
    table = pmd_table(pmdval)
    pmd_clear(pmd)
    pte_free_tlb(tlb, table, address)
    add_nr_ptes(tlb.mm, -1)


@restates("mm/memory.c", at="v4.14")
def free_pgd_range(tlb: MmuGather, start: u32, end: u32, floor: u32, ceiling: u32) -> None:
    """Free the page tables of a range that lie between floor and ceiling as a whole: the others
    serve neighbours. Restates free_pmd_range() as well; levels above stay.
    """
    address = start & HPAGE_PMD_MASK
    if address < floor:
        address += HPAGE_PMD_SIZE
    last = end
    if end > ceiling & HPAGE_PMD_MASK:
        last = end & HPAGE_PMD_MASK
    while address < last:
        pmd = pmd_offset(tlb.mm, address)
        if not pmd_none_or_clear_bad(pmd):
            free_pte_range(tlb, pmd, address)
        address += HPAGE_PMD_SIZE


@restates("mm/memory.c", at="v4.14")
def free_pgtables(tlb: MmuGather, vma: Vma, floor: u32, ceiling: u32) -> None:
    """Free the page tables of a VMA, after the reverse map has forgotten it."""
    unlink_anon_vmas(vma)
    free_pgd_range(tlb, vma.vm_start, vma.vm_end, floor, ceiling)


@restates("mm/memory.c", at="v4.14")
def zap_page_range(vma: Vma, start: u32, length: u32) -> None:
    """Unmap a range, and flush. Requires: mmap_sem for reading."""
    mm = vma.vm_mm
    tlb = MmuGather()
    tlb_gather_mmu(tlb, mm, False)
    mmu_notifier_invalidate_range_start(mm, start, start + length)
    zap_pmd_range(tlb, vma, start, start + length)
    if has(ZAP_FLUSHES_ALL_ITS_RANGE) and not has(ZAP_LEAVES_FLUSHES_TO_GATHER):
        # somebody else may have cleared entries here, and not have flushed them yet
        flush_tlb_range(mm, start, start + length)
    mmu_notifier_invalidate_range_end(mm, start, start + length)
    tlb_finish_mmu(tlb, start, start + length)
    thrown_away(mm, start, start + length)


@restates("mm/mmap.c", at="v4.14")
def unmap_region(mm: Mm, vma: Vma, prev: Vma, following: Vma) -> None:
    """Unmap what lies between two VMAs that stay."""
    tlb = MmuGather()
    tlb_gather_mmu(tlb, mm, False)
    mmu_notifier_invalidate_range_start(mm, vma.vm_start, vma.vm_end)
    zap_pmd_range(tlb, vma, vma.vm_start, vma.vm_end)
    mmu_notifier_invalidate_range_end(mm, vma.vm_start, vma.vm_end)
    floor = prev.vm_end if prev else FIRST_USER_ADDRESS
    ceiling = following.vm_start if following else USER_END
    free_pgtables(tlb, vma, floor, ceiling)
    tlb_finish_mmu(tlb, vma.vm_start, vma.vm_end)


@restates("mm/mmap.c", at="v4.14")
def do_munmap(mm: Mm, start: u32, length: u32) -> int:
    """Unmap whole VMAs. Requires: mmap_sem for writing. Omits: parts of VMAs."""
    vma = find_vma(mm, start)
    while vma and vma.vm_start < start + length:
        following = vma.vm_next
        if vma.vm_flags & VM_LOCKED:
            munlock_vma_pages_range(vma, vma.vm_start, vma.vm_end)
        prev = vma_unlink(mm, vma)
        unmap_region(mm, vma, prev, following)
        vm_area_free(vma)
        vma = following
    return 0


# ------------------------------------------------------------------------------ address spaces


@atomic
def mm_alloc() -> Mm:
    """A new address space with one user; NULL if there is none left."""
    for k in range(NR_MMS):
        mm = mms[k]
        if not mm.mm_count:
            mm.mm_count = 1
            mm.mm_users = 1
            mm_init(mm)
            return mm
    return NULL


@initializer
def mm_init(mm: Mm) -> None:
    """The flags of a new address space."""
    mm.flags = 0
    mm.vm_hugepage = 0
    mm.oom_victim = 0


@restates("kernel/fork.c", at="v4.14")
def check_mm(mm: Mm) -> None:
    """What an address space must have given up by the time it is freed."""
    for member in range(4):
        pages = mm.rss[member]
        if pages != 0:
            bug("Bad rss-counter state", "BUG: Bad rss-counter state", mm)
    tables = mm.nr_ptes
    if tables != 0:
        bug("non-zero nr_ptes", "BUG: non-zero nr_ptes on freeing mm", mm)


@restates("mm/mmap.c", at="v4.14")
def exit_mmap(mm: Mm) -> None:
    """The last user has gone: unmap everything. No lock: only the reverse map leads here.

    Omits: munlocking, which would look for other locked mappings of pages that others have, too.
    """
    mmu_notifier_release(mm)
    vma = mm.mmap
    if not vma:
        return
    tlb = MmuGather()
    tlb_gather_mmu(tlb, mm, True)
    while vma:
        zap_pmd_range(tlb, vma, vma.vm_start, vma.vm_end)
        vma = vma.vm_next
    if has(EXIT_AND_OOM_REAPER_AT_ONCE) and mm.oom_victim:
        # from now on the reaper leaves it alone; wait for what it is doing
        set_mm_flag(mm, MMF_OOM_SKIP)
        down_write(mm.mmap_sem)
        up_write(mm.mmap_sem)
    vma = mm.mmap
    while vma:
        following = vma.vm_next
        ceiling = following.vm_start if following else USER_END
        free_pgtables(tlb, vma, FIRST_USER_ADDRESS, ceiling)
        vma = following
    tlb_finish_mmu(tlb, FIRST_USER_ADDRESS, USER_END)
    vma = mm.mmap
    while vma:
        following = vma.vm_next
        vm_area_free(vma)
        vma = following


@unlocked
def mm_free(mm: Mm) -> None:
    """Give an address space back, and its PMD table: pgtable_pmd_page_dtor()."""
    assert mm.pgd.pmd_huge_pte is None, "VM_BUG_ON_PAGE(page->pmd_huge_pte)"
    mm.mmap = NULL
    for k in range(USER_PAGES):
        mm.last_store[k] = 0
        mm.zapped[k] = 0
        mm.pinned[k] = 0
        mm.moved[k] = 0


@atomic
def mmput_testzero(mm: Mm) -> bool:
    """One user less; whether it was the last."""
    mm.mm_users -= 1
    return mm.mm_users == 0


@atomic
def mmget_not_zero(mm: Mm) -> bool:
    """One user more, unless it is going away."""
    if mm.mm_users == 0:
        return False
    mm.mm_users += 1
    return True


@atomic
def mmgrab(mm: Mm) -> None:
    """One reference to the structure more."""
    mm.mm_count += 1


@atomic
def mmdrop(mm: Mm) -> None:
    """One reference to the structure less; after the last it can be used again."""
    mm.mm_count -= 1


@restates("kernel/fork.c", at="v4.14")
def mmput(mm: Mm) -> None:
    """One user less; the last one takes the address space down."""
    if mmput_testzero(mm):
        if NR_STABLE_NODES:
            ksm_exit(mm)
        khugepaged_exit(mm)
        exit_mmap(mm)
        mm_put_huge_zero_page(mm)
        check_mm(mm)
        mm_free(mm)
        mmdrop(mm)


@unlocked
def switch_mm(mm: Mm) -> None:
    """This processor runs another address space (or none): its TLB forgets the old one."""
    tasks[this_task()].mm = mm
    for k in range(USER_PAGES):
        cpus[this_task()].small[k] = 0
    for k in range(PTRS_PER_PMD):
        cpus[this_task()].huge[k] = 0


# ------------------------------------------------------------------------------------- fork


@unlocked
def reads_the_same(mm: Mm, oldmm: Mm) -> None:
    """From now on a child's loads must return what its parent's do (checking).

    The parent maps nothing that is writable by now, and nobody can serve its faults; but for pages
    that were copied at once.
    """
    for k in range(USER_PAGES):
        if not mm.pinned[k]:
            mm.last_store[k] = oldmm.last_store[k]


@restates("kernel/fork.c", at="v4.14")
def dup_mmap(mm: Mm, oldmm: Mm) -> int:
    """Give a new address space everything that an old one has."""
    down_write(oldmm.mmap_sem)
    # nobody knows the new one yet
    down_write(mm.mmap_sem)
    retval = 0
    if NR_STABLE_NODES:
        retval = ksm_fork(mm, oldmm)
    if oldmm.vm_hugepage:
        khugepaged_enter(mm)
    mpnt = oldmm.mmap
    while mpnt and retval == 0:
        tmp = vm_area_alloc()
        if not tmp:
            retval = -ENOMEM
            break
        vma_copy(tmp, mpnt, mm)
        if anon_vma_fork(tmp, mpnt):
            vm_area_free(tmp)
            retval = -ENOMEM
            break
        vma_link(mm, tmp)
        # the reverse map knows the child's VMA before it maps anything
        if mpnt.anon_vma:
            retval = copy_page_range(tmp, mpnt)
        mpnt = mpnt.vm_next
    up_write(mm.mmap_sem)
    flush_tlb_mm(oldmm)
    reads_the_same(mm, oldmm)
    up_write(oldmm.mmap_sem)
    return retval


from mmspec.spec.page.khugepaged import khugepaged_enter, khugepaged_exit  # noqa: E402
from mmspec.spec.page.ksm import ksm_exit, ksm_fork  # noqa: E402
from mmspec.spec.page.mlock_vmas import munlock_vma_pages_range  # noqa: E402
