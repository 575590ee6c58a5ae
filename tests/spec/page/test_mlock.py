"""What mlock(2) marks, and what munlock(2) leaves marked."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_10, v4_14_fixed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.mm_types import ENOMEM, NR_MLOCK, VM_READ, mem_map, pgdat
from mmspec.spec.page.page_flags import PG_lru, PG_mlocked, PG_unevictable
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    load,
    madvise_dontneed,
    mlock,
    mlockall,
    mmap,
    mprotect,
    munlock,
    munlockall,
    munmap,
    store,
)
from tests.spec import programs
from tests.spec.running import Machine, by_cpython, config, left_over, machine, natively

MLOCKED = PG_mlocked | PG_unevictable | PG_lru


def _mlocked() -> list[int]:
    return [k for k in range(len(mem_map)) if mem_map[k].flags & MLOCKED == MLOCKED]


def _pages(made: Machine, nr: int) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, nr * PAGE_SIZE)
    made.call(store, USER_BASE, 7)


@pytest.mark.parametrize(("nr", "heads"), [(4, [0]), (3, [0, 1, 2])], ids=["huge", "base"])
def test_what_is_locked_is_faulted_in_and_marked_until_it_is_unlocked(
    nr: int, heads: list[int]
) -> None:
    with machine(v4_14_fixed) as made:
        _pages(made, nr)

        assert made.call(mlock, USER_BASE, nr * PAGE_SIZE) == 0
        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == (heads, nr)
        assert made.call(munlock, USER_BASE, nr * PAGE_SIZE) == 0

        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([], 0)
        assert all(mem_map[k].flags & PG_lru for k in heads)
        made.call(load, USER_BASE)
        made.call(exit_mm)
        assert left_over() == []


def test_everything_that_is_mapped_is_locked_and_faulted_in_at_once() -> None:
    with machine(v4_14_fixed, pmds=2) as made:
        _pages(made, 2)
        made.call(mmap, USER_BASE + HPAGE_PMD_SIZE, PAGE_SIZE)

        made.call(mlockall)
        locked = len(_mlocked()), pgdat.stat[NR_MLOCK]
        made.call(munlockall)

        assert locked == (3, 3)
        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([], 0)


@pytest.mark.parametrize("kernel", [v4_10, v4_14_fixed], ids=str)
def test_a_huge_page_that_PTEs_map_is_not_marked_and_the_page_beside_it_is(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _pages(made, 4)
        made.call(madvise_dontneed, USER_BASE + 3 * PAGE_SIZE, PAGE_SIZE)

        made.call(mlock, USER_BASE, HPAGE_PMD_SIZE)
        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([4], 1)
        made.call(munlockall)

        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([], 0)


def test_a_page_stays_marked_as_long_as_somebody_has_it_locked() -> None:
    with machine(v4_14_fixed) as made:
        _pages(made, 1)
        made.call(mprotect, USER_BASE, PAGE_SIZE, VM_READ)
        made.call(fork, 1)
        made.call(mlock, USER_BASE, PAGE_SIZE)
        made.call(mlock, USER_BASE, PAGE_SIZE, task=1)

        made.call(munlock, USER_BASE, PAGE_SIZE)
        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([0], 1)
        made.call(munmap, USER_BASE, PAGE_SIZE, task=1)

        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([], 0)


def test_a_page_that_its_locker_has_copied_is_left_unmarked_to_others() -> None:
    with machine(v4_14_fixed) as made:
        _pages(made, 1)
        made.call(mlock, USER_BASE, PAGE_SIZE)
        made.call(fork, 1)

        made.call(store, USER_BASE, 8)

        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([1], 1)


def test_splitting_a_marked_huge_page_marks_its_pages() -> None:
    with machine(v4_14_fixed) as made:
        _pages(made, 4)
        made.call(mlock, USER_BASE, HPAGE_PMD_SIZE)

        made.call(split_huge_pages_set)

        assert (_mlocked(), pgdat.stat[NR_MLOCK]) == ([0, 1, 2, 3], 4)


def test_only_what_is_mapped_can_be_locked() -> None:
    with machine(v4_14_fixed) as made:
        _pages(made, 2)

        assert made.call(mlock, USER_BASE, HPAGE_PMD_SIZE) == -ENOMEM


@pytest.mark.parametrize(("order", "frames"), [(2, 32), (9, 4096)])
def test_locking_is_the_same_natively(order: int, frames: int) -> None:
    phases = (
        (0, programs.huge_page),
        (0, programs.locks),
        (1, programs.unlocks),
        (0, programs.locks_all),
        (0, programs.unlocks_all),
        (0, programs.exits),
        (1, programs.exits),
    )
    sizes = config(order, frames=frames)

    memory, left = by_cpython(phases, v4_14_fixed, sizes)

    assert memory == natively(phases, v4_14_fixed, sizes)
    assert left == []
