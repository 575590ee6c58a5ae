"""How exec builds a stack and moves it (fs/exec.c).

Until it is in its place the stack is a temporary one: nothing migrates its pages, since its page
tables move with no lock that the reverse map knows.
"""

from __future__ import annotations

from mmspec.lang import NULL, OnStack, restates, this_task, u8, u32, unlocked
from mmspec.spec.machine.locks import down_read, down_write, up_read, up_write
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_END
from mmspec.spec.page.gup import FOLL_GET, FOLL_WRITE, FollowedPage, follow_page
from mmspec.spec.page.huge_memory import FAULT_FLAG_WRITE, VM_FAULT_ERROR
from mmspec.spec.page.memory import handle_mm_fault
from mmspec.spec.page.mm_types import (
    EFAULT,
    ENOMEM,
    VM_GROWSDOWN,
    VM_READ,
    VM_STACK_INCOMPLETE_SETUP,
    VM_WRITE,
    Mm,
    Page,
    Vma,
    tasks,
)
from mmspec.spec.page.mmap import (
    find_vma,
    mm_alloc,
    mmput,
    switch_mm,
    vm_area_alloc,
    vma_init,
    vma_link,
)
from mmspec.spec.page.mremap import move_page_tables
from mmspec.spec.page.pgtable import user_page
from mmspec.spec.page.rmap import anon_vma_lock_write, anon_vma_unlock_write
from mmspec.spec.page.swap import put_page

VM_STACK_FLAGS = VM_GROWSDOWN | VM_READ | VM_WRITE


class LinuxBinprm(OnStack):
    """struct linux_binprm: the address space that a program will run in, and its stack."""

    mm: Mm = NULL
    vma: Vma = NULL


@restates("fs/exec.c", at="v4.14")
def bprm_mm_init(bprm: LinuxBinprm) -> int:
    """A new address space with nothing in it but a temporary stack, at the top."""
    mm = mm_alloc()
    if not mm:
        return -ENOMEM
    vma = vm_area_alloc()
    if not vma:
        mmput(mm)
        return -ENOMEM
    flags = VM_STACK_FLAGS | VM_STACK_INCOMPLETE_SETUP
    vma_init(vma, mm, USER_END - PAGE_SIZE, USER_END, flags)
    down_write(mm.mmap_sem)
    vma_link(mm, vma)
    up_write(mm.mmap_sem)
    bprm.mm = mm
    bprm.vma = vma
    return 0


@unlocked
def _write_string(mm: Mm, address: u32, page: Page, value: u8) -> None:
    """The kernel writes to the page by its own mapping."""
    page.data = value
    mm.last_store[user_page(address)] = value


@restates("fs/exec.c", at="v4.14")
def copy_strings(bprm: LinuxBinprm, value: u8) -> int:
    """Put arguments on the temporary stack: here one byte. Restates get_arg_page() as well."""
    mm = bprm.mm
    vma = bprm.vma
    address = vma.vm_start
    found = FollowedPage()
    down_read(mm.mmap_sem)
    while not found.page:
        follow_page(vma, address, FOLL_WRITE | FOLL_GET, found)
        if not found.page:
            if handle_mm_fault(vma, address, FAULT_FLAG_WRITE) & VM_FAULT_ERROR:
                up_read(mm.mmap_sem)
                return -EFAULT
    up_read(mm.mmap_sem)
    page = found.page
    _write_string(mm, address, page, value)
    put_page(page)
    return 0


@unlocked
def _vma_set_range(vma: Vma, start: u32, end: u32) -> None:
    """Who reads these fields has mmap_sem or the anon_vma's lock; the writer has both."""
    vma.vm_start = start
    vma.vm_end = end


@restates("mm/mmap.c", at="v4.14")
def vma_adjust(vma: Vma, start: u32, end: u32) -> None:
    """Change a VMA's range; its pages' offsets stay. Omits: neighbours, and vm_pgoff.

    Requires: mmap_sem for writing.
    """
    anon_vma = vma.anon_vma
    if anon_vma:
        anon_vma_lock_write(anon_vma)
    _vma_set_range(vma, start, end)
    if anon_vma:
        anon_vma_unlock_write(anon_vma)


@restates("fs/exec.c", at="v4.14")
def shift_arg_pages(vma: Vma, shift: u32) -> int:
    """Move the stack downwards. Requires: mmap_sem for writing.

    Omits: freeing page tables that are left empty.
    """
    old_start = vma.vm_start
    old_end = vma.vm_end
    if find_vma(vma.vm_mm, old_start - shift) is not vma:
        return -EFAULT
    # from here on the reverse map looks for its pages where they will be
    vma_adjust(vma, old_start - shift, old_end)
    length = old_end - old_start
    if move_page_tables(vma, old_start, old_start - shift, length, False) != length:
        return -ENOMEM
    vma_adjust(vma, old_start - shift, old_end - shift)
    return 0


@restates("fs/exec.c", at="v4.14")
def setup_arg_pages(bprm: LinuxBinprm, stack_shift: u32) -> int:
    """Put the stack where it belongs; from then on it is like any other memory."""
    mm = bprm.mm
    vma = bprm.vma
    down_write(mm.mmap_sem)
    ret = 0
    if stack_shift:
        ret = shift_arg_pages(vma, stack_shift)
    if ret == 0:
        vma.vm_flags &= ~VM_STACK_INCOMPLETE_SETUP
    up_write(mm.mmap_sem)
    return ret


@restates("fs/exec.c", at="v4.14")
def exec_mmap(mm: Mm) -> None:
    """Leave the old address space for the new one."""
    old_mm = tasks[this_task()].mm
    switch_mm(mm)
    if old_mm:
        mmput(old_mm)


@restates("fs/exec.c", at="v4.14")
def do_execve(value: u8, stack_shift: u32) -> int:
    """Another program: all it inherits are arguments, of one byte, on its stack."""
    bprm = LinuxBinprm()
    ret = bprm_mm_init(bprm)
    if ret:
        return ret
    ret = copy_strings(bprm, value)
    if ret:
        mmput(bprm.mm)
        return ret
    exec_mmap(bprm.mm)
    return setup_arg_pages(bprm, stack_shift)
