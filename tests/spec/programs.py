"""Small set-ups and tasks that the tests of the specification share."""

from __future__ import annotations

from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE, USER_END
from mmspec.spec.page.cpu import cpu_load
from mmspec.spec.page.huge_memory import deferred_split_scan, split_huge_pages_set
from mmspec.spec.page.huge_zero_page import shrink_huge_zero_page_scan
from mmspec.spec.page.memory_failure import do_machine_check, store_hard_offline_page
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm_types import VM_UFFD_MISSING, VM_UFFD_WP
from mmspec.spec.page.syscalls import (
    boot,
    device_store,
    execve,
    exit_mm,
    fork,
    guest_load,
    guest_store,
    kvm_create,
    load,
    madvise_dontneed,
    mbind,
    migrate_pages,
    mlock,
    mlockall,
    mmap,
    mmap_locked,
    move_pages,
    munlock,
    munlockall,
    munmap,
    pin_user_page,
    share_mm,
    store,
    uffd_copy,
    uffd_register,
    uffd_unregister,
    uffd_writeprotect,
    unpin,
)

NODE_0, NODE_1 = 1, 2


# ------------------------------------------------------------------------------------- set-ups


def base_page() -> None:
    """A base page, in a process of two threads."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def huge_page() -> None:
    """A huge page, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def inherited_page() -> None:
    """A base page that parent and child share."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    fork(1)


# --------------------------------------------------------------------------------------- tasks


def loads() -> None:
    load(USER_BASE)


def stores() -> None:
    store(USER_BASE, 2)


def glances() -> None:
    """A load that does not insist: without a translation there is none."""
    cpu_load(USER_BASE)


def pins() -> None:
    """A pin is taken and given back: in between, flushes had to wait."""
    if pin_user_page(USER_BASE, True):
        device_store(USER_BASE, 3)
        unpin(False)


def reads_and_shrinks() -> None:
    load(USER_BASE)
    shrink_huge_zero_page_scan()


def throws_away() -> None:
    madvise_dontneed(USER_BASE, PAGE_SIZE)


def throws_all_away() -> None:
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)


def splits() -> None:
    split_huge_pages_set()


def binds() -> None:
    mbind(USER_BASE, HPAGE_PMD_SIZE, NODE_1, MPOL_MF_MOVE_ALL)


def unmaps() -> None:
    munmap(USER_BASE, HPAGE_PMD_SIZE)


def exits() -> None:
    exit_mm()


# ------------------------------------------------------------- the life of a huge page, in turns


def first_fault() -> None:
    """A process faults a huge page in, and writes to its first and last subpage."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    store(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, 2)


def forks() -> None:
    fork(1)


def child_writes() -> None:
    """The child gets a huge page of its own; its parent's is all the parent's."""
    store(USER_BASE, 3)
    load(USER_BASE)
    load(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE)


def parent_writes() -> None:
    store(USER_BASE, 4)
    load(USER_BASE)


def moves_to_node_1() -> None:
    mbind(USER_BASE, HPAGE_PMD_SIZE, NODE_1, MPOL_MF_MOVE_ALL)
    load(USER_BASE)
    load(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE)


def forks_again() -> None:
    """A second child, which shares base pages: they have been split."""
    fork(2)
    store(USER_BASE, 5)
    load(USER_BASE)


def moves_to_node_0() -> None:
    mbind(USER_BASE, HPAGE_PMD_SIZE, NODE_0, MPOL_MF_MOVE_ALL)
    load(USER_BASE)


def loses_a_part() -> None:
    """The child unmaps its first subpage; memory is short, and the rest is split."""
    madvise_dontneed(USER_BASE, PAGE_SIZE)
    load(USER_BASE)
    deferred_split_scan()
    load(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE)


def grandchild_reads() -> None:
    load(USER_BASE)
    load(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE)


# ------------------------------------------------------------------------------ other system calls


def executes() -> None:
    execve(7)


def reads_its_arguments() -> None:
    load(USER_END - 2 * PAGE_SIZE)


def moves_pages() -> None:
    move_pages(USER_BASE, 2, 1, True)


def migrates() -> None:
    migrate_pages(0, 1, MPOL_MF_MOVE_ALL)


def locked_page() -> None:
    """A huge page that is locked in memory."""
    boot()
    mmap_locked(USER_BASE, HPAGE_PMD_SIZE)


def runs_a_guest() -> None:
    """A guest in a process that has a huge page."""
    kvm_create()
    guest_store(USER_BASE, 6)
    load(USER_BASE)
    guest_load(USER_BASE + PAGE_SIZE)


def locks() -> None:
    mlock(USER_BASE, HPAGE_PMD_SIZE)


def locks_all() -> None:
    mlockall()


def unlocks() -> None:
    munlock(USER_BASE, HPAGE_PMD_SIZE)


def unlocks_all() -> None:
    munlockall()


def fills() -> None:
    """A process that fills in two pages of its memory before it uses them."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    uffd_register(USER_BASE, VM_UFFD_MISSING)
    uffd_copy(USER_BASE, 5)
    uffd_copy(USER_BASE + PAGE_SIZE, 6)
    load(USER_BASE)
    store(USER_BASE + PAGE_SIZE, 7)
    uffd_unregister(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, 8)


def protects() -> None:
    """A process that is told of stores to its huge page, of which there are none."""
    uffd_register(USER_BASE, VM_UFFD_WP)
    uffd_writeprotect(USER_BASE, HPAGE_PMD_SIZE, True)
    load(USER_BASE)


def breaks() -> None:
    """The second frame is broken; what it held is not used again."""
    store_hard_offline_page(1)
    store(USER_BASE + PAGE_SIZE, 9)
    load(USER_BASE)


def meets_what_is_broken() -> None:
    """The first frame is, as the processor finds."""
    do_machine_check(0)
    load(USER_BASE)
