"""Writing a core dump (fs/coredump.c, fs/binfmt_elf.c): it goes over page tables with no lock."""

from __future__ import annotations

from mmspec.kernels import WATCHED
from mmspec.lang import bug, has, restates, this_task, u32, unlocked
from mmspec.spec.machine.locks import down_write, up_write
from mmspec.spec.machine.sizes import PAGE_SIZE
from mmspec.spec.page.gup import FOLL_GET, FollowedPage, follow_page
from mmspec.spec.page.mm_types import Mm, Page, tasks
from mmspec.spec.page.pgtable import user_page
from mmspec.spec.page.swap import put_page


@restates("fs/coredump.c", at="v4.14")
def coredump_wait(mm: Mm) -> None:
    """Stop all others who run this address space. Omits: doing so, since scenarios have none."""
    down_write(mm.mmap_sem)
    mm.core_state = 1
    up_write(mm.mmap_sem)


@restates("fs/coredump.c", at="v4.14")
def coredump_finish(mm: Mm) -> None:
    """Let them go on, to exit."""
    down_write(mm.mmap_sem)
    mm.core_state = 0
    up_write(mm.mmap_sem)


@unlocked
def _dump_emit(mm: Mm, address: u32, page: Page) -> None:
    """What is written of a user page (of none: zeros) is what was last stored (checking)."""
    data = 0
    if page:
        data = page.data
    if has(WATCHED) and data != mm.last_store[user_page(address)]:
        bug("lost store", "a core dump does not hold the last store", mm)


@restates("fs/binfmt_elf.c", at="v4.14")
def elf_core_dump(mm: Mm) -> None:
    """Write every page of every VMA, or a hole where there is none. Restates get_dump_page(), too.

    Omits: faults of what is not present, which FOLL_DUMP allows only for files and for entries.
    """
    found = FollowedPage()
    vma = mm.mmap
    while vma:
        address = vma.vm_start
        while address < vma.vm_end:
            follow_page(vma, address, FOLL_GET, found)
            page = found.page
            _dump_emit(mm, address, page)
            if page:
                put_page(page)
            address += PAGE_SIZE
        vma = vma.vm_next


@restates("fs/coredump.c", at="v4.14")
def do_coredump() -> None:
    """A signal ends the process, and its memory is written to a file."""
    mm = tasks[this_task()].mm
    coredump_wait(mm)
    elf_core_dump(mm)
    coredump_finish(mm)
