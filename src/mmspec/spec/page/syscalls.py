"""What a program can ask of the kernel, and what it does by itself: loads and stores.

These are the verbs of scenarios. A task runs on the CPU of its number; it has an address space of
its own after `fork`, or shares one after `clone_vm`.
"""

from __future__ import annotations

from mmspec.lang import NULL, restates, this_task, u8, u16, u32, unlocked
from mmspec.spec.machine.locks import down_read, down_write, up_read, up_write
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_PAGES
from mmspec.spec.page.cpu import cpu_load, cpu_store
from mmspec.spec.page.deferred_list import init_split_queue
from mmspec.spec.page.exec import do_execve
from mmspec.spec.page.filemap import set_page_dirty_lock
from mmspec.spec.page.gup import (
    FOLL_PIN,
    FOLL_WRITE,
    FollowedPage,
    __access_remote_vm,
    __mm_populate,
    get_user_pages_fast,
    unpin_user_page,
)
from mmspec.spec.page.huge_memory import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_WRITE,
    VM_FAULT_ERROR,
    VM_FAULT_RETRY,
)
from mmspec.spec.page.khugepaged import khugepaged_enter, khugepaged_scan_mm_slot
from mmspec.spec.page.ksmd import (
    MADV_MERGEABLE,
    MADV_UNMERGEABLE,
    ksm_madvise,
    ksm_scan_thread,
)
from mmspec.spec.page.kvm_main import kvm_create_vm
from mmspec.spec.page.kvm_mmu import guest_cpu_load, guest_cpu_store, tdp_page_fault
from mmspec.spec.page.madvise import madvise_free_single_vma
from mmspec.spec.page.madvise_inject import madvise_inject_error
from mmspec.spec.page.memory import handle_mm_fault
from mmspec.spec.page.mempolicy import do_mbind, do_migrate_pages
from mmspec.spec.page.migrate import PageToNode, do_move_page_to_node_array
from mmspec.spec.page.mincore import Mincore, do_mincore
from mmspec.spec.page.mlock_vmas import do_mlock, do_mlockall, do_munlock, do_munlockall
from mmspec.spec.page.mm_types import (
    ENOMEM,
    VM_EXEC,
    VM_LOCKED,
    VM_NOHUGEPAGE,
    VM_READ,
    VM_WRITE,
    Mm,
    Vma,
    kvms,
    tasks,
)
from mmspec.spec.page.mmap import (
    do_mmap,
    do_munmap,
    dup_mmap,
    find_vma,
    mm_alloc,
    mmput,
    switch_mm,
    zap_page_range,
)
from mmspec.spec.page.mprotect import do_mprotect
from mmspec.spec.page.mremap import mremap_to
from mmspec.spec.page.oom_kill import mark_oom_victim
from mmspec.spec.page.page_alloc import page_alloc_init
from mmspec.spec.page.page_idle import page_idle_bitmap_read, page_idle_bitmap_write
from mmspec.spec.page.pgtable import load_from_pinned, store_to_pinned
from mmspec.spec.page.swapfile import swapon
from mmspec.spec.page.task_mmu import (
    MemSizeStats,
    PagemapRead,
    clear_refs_write,
    pagemap_read,
    show_smap,
)
from mmspec.spec.page.userfault import (
    userfaultfd,
    wake_userfault,
)
from mmspec.spec.page.userfaultfd import (
    mcopy_atomic,
    mwriteprotect_range,
    userfaultfd_register,
    userfaultfd_unregister,
)
from mmspec.spec.page.vmscan import shrink_inactive_list

PROT = VM_READ | VM_WRITE | VM_EXEC


# -------------------------------------------------------------------------------- processes


def boot() -> None:
    """Memory is free; the first task gets an address space."""
    page_alloc_init()
    init_split_queue()
    swapon()
    mm = mm_alloc()
    switch_mm(mm)


@unlocked
def give_mm(task: u8, mm: Mm) -> None:
    """Another task, not yet running, gets an address space."""
    tasks[task].mm = mm


@unlocked
def share_mm(task: u8) -> None:
    """clone(CLONE_VM): another task, not yet running, shares this one's address space."""
    mm = tasks[this_task()].mm
    mm.mm_users += 1
    tasks[task].mm = mm


@restates("kernel/fork.c", at="v4.14")
def fork(task: u8) -> int:
    """Make task `task`, which is not running yet, a child of this one."""
    mm = mm_alloc()
    if not mm:
        return -ENOMEM
    retval = dup_mmap(mm, tasks[this_task()].mm)
    if retval:
        mmput(mm)
        return retval
    give_mm(task, mm)
    return 0


@restates("kernel/exit.c", at="v4.14")
def exit_mm() -> None:
    """Leave the address space; the last task to do so takes it down."""
    mm = tasks[this_task()].mm
    if not mm:
        return
    switch_mm(NULL)
    mmput(mm)


def kvm_create() -> None:
    """Make a guest, whose memory is this process's."""
    kvm_create_vm(tasks[this_task()].mm)


def execve(value: u8) -> int:
    """Run another program, with one byte of arguments: on its stack, one page below the top."""
    return do_execve(value, PAGE_SIZE)


# --------------------------------------------------------------------------- loads and stores


@restates("arch/x86/mm/fault.c", at="v4.14")
def access_error(flags: u8, vma: Vma) -> bool:
    """Whether the VMA forbids the access."""
    if flags & FAULT_FLAG_WRITE:
        return not vma.vm_flags & VM_WRITE
    return not vma.vm_flags & PROT


@restates("arch/x86/mm/fault.c", at="v4.14")
def do_page_fault(address: u32, flags: u8) -> bool:
    """Serve a fault; False if the process is sent a signal for it, and the access is none."""
    mm = tasks[this_task()].mm
    down_read(mm.mmap_sem)
    vma = find_vma(mm, address)
    if not vma or address < vma.vm_start or access_error(flags, vma):
        up_read(mm.mmap_sem)
        return False
    fault = handle_mm_fault(vma, address, flags | FAULT_FLAG_ALLOW_RETRY)
    if fault & VM_FAULT_RETRY:
        # mmap_sem has been given back
        return True
    up_read(mm.mmap_sem)
    return fault & VM_FAULT_ERROR == 0


def store(address: u32, value: u8) -> None:
    """Store a byte, through as many faults as it takes."""
    while not cpu_store(address, value):
        if not do_page_fault(address, FAULT_FLAG_WRITE):
            return


def load(address: u32) -> None:
    """Load a byte, and see that it is the one last stored."""
    while not cpu_load(address):
        if not do_page_fault(address, 0):
            return


def guest_store(address: u32, value: u8) -> None:
    """Store a byte in the guest, through as many faults as it takes."""
    while not guest_cpu_store(address, value):
        if not tdp_page_fault(kvms[0], address, True):
            return


def guest_load(address: u32) -> None:
    """Load a byte in the guest, and see that it is the one last stored."""
    while not guest_cpu_load(address):
        if not tdp_page_fault(kvms[0], address, False):
            return


# ------------------------------------------------------------- what others do with one's memory


def poke(address: u32, value: u8) -> None:
    """Write a byte to /proc/self/mem, also where the process may only read."""
    __access_remote_vm(tasks[this_task()].mm, address, value, FOLL_WRITE)


def peek(address: u32) -> None:
    """Read a byte from /proc/self/mem."""
    __access_remote_vm(tasks[this_task()].mm, address, 0, 0)


def pin_user_page(address: u32, write: bool) -> bool:
    """Pin a page, as direct I/O does and whoever lets a device store to it, or read it."""
    found = FollowedPage()
    flags = FOLL_PIN
    if write:
        flags |= FOLL_WRITE
    if get_user_pages_fast(tasks[this_task()].mm, address, flags, found) != 1:
        return False
    tasks[this_task()].pin = found.page
    return True


def device_store(address: u32, value: u8) -> None:
    """The device stores a byte in the page that was pinned at an address."""
    task = tasks[this_task()]
    store_to_pinned(task.mm, address, task.pin, value)


def device_load(address: u32) -> None:
    """The device reads a byte of it."""
    task = tasks[this_task()]
    load_from_pinned(task.mm, address, task.pin)


def unpin(dirty: bool) -> None:
    """The device is done with the page, and may have stored to it."""
    page = tasks[this_task()].pin
    tasks[this_task()].pin = NULL
    if dirty:
        set_page_dirty_lock(page)
    unpin_user_page(page, FOLL_PIN)


# -------------------------------------------------------------------------------- userfaultfd


def uffd_register(start: u32, mode: u32) -> None:
    """Open a userfaultfd, and register the VMA at an address: UFFDIO_REGISTER."""
    mm = tasks[this_task()].mm
    userfaultfd(mm)
    userfaultfd_register(mm, start, mode)


def uffd_unregister(start: u32, length: u32) -> None:
    """UFFDIO_UNREGISTER."""
    userfaultfd_unregister(tasks[this_task()].mm, start, start + length)


def uffd_writeprotect(start: u32, length: u32, protect: bool) -> int:
    """UFFDIO_WRITEPROTECT; to unprotect wakes who waits."""
    mm = tasks[this_task()].mm
    ret = mwriteprotect_range(mm, start, length, protect)
    if not protect:
        wake_userfault(start, start + length)
    return ret


def uffd_copy(address: u32, value: u8) -> int:
    """UFFDIO_COPY: fill in one page, and wake who waits for it."""
    ret = mcopy_atomic(tasks[this_task()].mm, address, value)
    wake_userfault(address, address + PAGE_SIZE)
    return ret


# ------------------------------------------------------------------------------- system calls


def mmap(start: u32, length: u32) -> int:
    """Map private anonymous memory, readable, writable and executable."""
    return do_mmap(tasks[this_task()].mm, start, length, PROT)


def mmap_readonly(start: u32, length: u32) -> int:
    """The same, to be read only."""
    return do_mmap(tasks[this_task()].mm, start, length, VM_READ)


def mmap_nohugepage(start: u32, length: u32) -> int:
    """The same, and madvise(MADV_NOHUGEPAGE): base pages only."""
    return do_mmap(tasks[this_task()].mm, start, length, PROT | VM_NOHUGEPAGE)


def mmap_locked(start: u32, length: u32) -> int:
    """The same with MAP_LOCKED: faulted in at once, and never swapped out."""
    mm = tasks[this_task()].mm
    err = do_mmap(mm, start, length, PROT | VM_LOCKED)
    if err:
        return err
    return __mm_populate(mm, start, length)


def mlock(start: u32, length: u32) -> int:
    """Lock a range in memory: what it has is faulted in, and never swapped out."""
    return do_mlock(tasks[this_task()].mm, start, length)


def munlock(start: u32, length: u32) -> int:
    """Unlock a range."""
    return do_munlock(tasks[this_task()].mm, start, length)


def mlockall() -> None:
    """Lock everything that is mapped now; what is mapped later is `mmap_locked` after it."""
    do_mlockall(tasks[this_task()].mm)


def munlockall() -> None:
    """Unlock everything."""
    do_munlockall(tasks[this_task()].mm)


def munmap(start: u32, length: u32) -> int:
    """Unmap it."""
    mm = tasks[this_task()].mm
    down_write(mm.mmap_sem)
    ret = do_munmap(mm, start, length)
    up_write(mm.mmap_sem)
    return ret


def mprotect(start: u32, length: u32, prot: u32) -> int:
    """Permit only some accesses (VM_READ and so on) to whole mappings."""
    return do_mprotect(start, length, prot)


def mremap(start: u32, length: u32, new_start: u32) -> int:
    """Move a mapping to another place."""
    mm = tasks[this_task()].mm
    down_write(mm.mmap_sem)
    ret = mremap_to(mm, start, length, new_start)
    up_write(mm.mmap_sem)
    return ret


def madvise_dontneed(start: u32, length: u32) -> int:
    """Throw away what a range holds; it reads as zero afterwards."""
    mm = tasks[this_task()].mm
    down_read(mm.mmap_sem)
    vma = find_vma(mm, start)
    if vma:
        zap_page_range(vma, start, length)
    up_read(mm.mmap_sem)
    return 0


def madvise_free(start: u32, length: u32) -> int:
    """What a range holds is not needed any more, until something is stored there."""
    mm = tasks[this_task()].mm
    down_read(mm.mmap_sem)
    vma = find_vma(mm, start)
    if vma:
        madvise_free_single_vma(vma, start, start + length)
    up_read(mm.mmap_sem)
    return 0


def madvise_hwpoison(start: u32, length: u32) -> int:
    """The memory that a range has is said to be broken."""
    return madvise_inject_error(False, start, start + length)


def madvise_soft_offline(start: u32, length: u32) -> int:
    """It is said to be about to break."""
    return madvise_inject_error(True, start, start + length)


def mark_idle() -> None:
    """Write ones to /sys/kernel/mm/page_idle/bitmap."""
    page_idle_bitmap_write()


def read_idle() -> None:
    """Read it."""
    page_idle_bitmap_read()


def kswapd() -> None:
    """What kswapd does: reclaim the page at the end of the LRU, if that can be."""
    shrink_inactive_list()


def clear_refs() -> None:
    """Forget which pages were stored to, in soft-dirty bits."""
    clear_refs_write(tasks[this_task()].mm)


def pagemap(start: u32, nr: u16) -> None:
    """Read /proc/self/pagemap, as root."""
    pm = PagemapRead(start=start, show_pfn=1)
    pagemap_read(tasks[this_task()].mm, pm, nr)


def smaps() -> None:
    """Read /proc/self/smaps_rollup."""
    mss = MemSizeStats()
    show_smap(tasks[this_task()].mm, mss)


def mincore(start: u32, nr: u16) -> int:
    """Ask which pages of a range are in memory."""
    told = Mincore()
    return do_mincore(tasks[this_task()].mm, start, nr, told)


def mbind(start: u32, length: u32, nodes: u8, flags: u8) -> int:
    """Bind a range to nodes; with MPOL_MF_MOVE, move what is elsewhere."""
    return do_mbind(start, length, nodes, flags)


def migrate_pages(source: u8, target: u8, flags: u8) -> int:
    """Move all pages on one node to another."""
    return do_migrate_pages(tasks[this_task()].mm, source, target, flags)


def move_pages(start: u32, nr: u16, node: u8, migrate_all: bool) -> int:
    """Move `nr` pages, one after the other from an address on, to a node."""
    pm = PageToNode(nr=nr)
    for k in range(USER_PAGES):
        if k < nr:
            pm.addr[k] = start + k * PAGE_SIZE
            pm.node[k] = node
    return do_move_page_to_node_array(tasks[this_task()].mm, pm, migrate_all)


def madvise_hugepage() -> int:
    """madvise(MADV_HUGEPAGE): khugepaged is to look at this address space."""
    khugepaged_enter(tasks[this_task()].mm)
    return 0


def khugepaged() -> None:
    """khugepaged wakes up once."""
    khugepaged_scan_mm_slot()


def madvise_ksm(start: u32, length: u32, advice: u8) -> int:
    """MADV_MERGEABLE or MADV_UNMERGEABLE of a whole mapping."""
    mm = tasks[this_task()].mm
    ret = 0
    down_write(mm.mmap_sem)
    vma = find_vma(mm, start)
    if vma:
        ret = ksm_madvise(vma, start, start + length, advice)
    up_write(mm.mmap_sem)
    return ret


def madvise_mergeable(start: u32, length: u32) -> int:
    """madvise(MADV_MERGEABLE): ksmd may merge what a mapping has with what is equal."""
    return madvise_ksm(start, length, MADV_MERGEABLE)


def madvise_unmergeable(start: u32, length: u32) -> int:
    """madvise(MADV_UNMERGEABLE): it may not, and what it did is undone."""
    return madvise_ksm(start, length, MADV_UNMERGEABLE)


def ksmd() -> None:
    """ksmd wakes up once, and looks at everything."""
    ksm_scan_thread()


def oom_kill() -> None:
    """The OOM killer chooses the caller's process."""
    mark_oom_victim(tasks[this_task()].mm)
