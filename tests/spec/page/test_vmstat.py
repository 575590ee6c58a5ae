"""What is counted in /proc/vmstat, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmspec.kernels import COUNTED, Kernel
from mmspec.kernels.changes import UNMAPPED_THP_NOT_QUEUED
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import deferred_split_scan, split_huge_pages_set
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm_types import mem_map
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    madvise_dontneed,
    migrate_pages,
    mmap,
    munmap,
    store,
)
from mmspec.spec.page.vmstat import VmEvent, vm_event_states
from tests.spec.running import Machine, machine

ORDERS = pytest.mark.parametrize("order", [2, 9])


def huge(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)


def counted(kernel: Kernel, order: int, act: Callable[[Machine], object]) -> dict[str, int]:
    """What was counted while something was done to a process with a huge page."""
    with machine(kernel.with_(COUNTED), order) as made:
        huge(made)
        before = [vm_event_states.event[item] for item in VmEvent]
        act(made)
        after = [vm_event_states.event[item] for item in VmEvent]
    return {
        item.name.lower(): after[item] - before[item]
        for item in VmEvent
        if after[item] != before[item]
    }


def test_nothing_is_counted_unless_somebody_asks() -> None:
    with machine(v4_14) as made:
        huge(made)

        assert [vm_event_states.event[item] for item in VmEvent] == [0] * len(VmEvent)


@ORDERS
def test_faults(order: int) -> None:
    def fault(made: Machine) -> None:
        made.call(madvise_dontneed, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 8)

    def copy(made: Machine) -> None:
        made.call(fork, 1)
        made.call(store, USER_BASE, 8, task=1)

    assert counted(v4_14_fixed, order, fault) == {"thp_fault_alloc": 1}
    assert counted(v4_14_fixed, order, copy) == {"thp_fault_alloc": 1}


def test_faults_that_find_no_huge_page() -> None:
    def fault(made: Machine) -> None:
        made.call(fork, 1)
        for pfn in range(4, 32, 4):
            mem_map[pfn].buddy = 0
        made.call(store, USER_BASE, 8, task=1)

    assert counted(v4_14, 2, fault) == {"thp_fault_fallback": 1}


@ORDERS
def test_splits(order: int) -> None:
    def split(made: Machine) -> None:
        made.call(split_huge_pages_set)

    def split_pinned(made: Machine) -> None:
        mem_map[0]._refcount += 1
        made.call(split_huge_pages_set)

    def zap_a_part(made: Machine) -> None:
        made.call(fork, 1)
        made.call(madvise_dontneed, USER_BASE, PAGE_SIZE)

    assert counted(v4_14_fixed, order, split)["thp_split_page"] == 1
    assert counted(v4_14_fixed, order, split)["thp_split_pmd"] == 1
    assert counted(v4_14_fixed, order, split_pinned) == {"thp_split_page_failed": 1}
    assert counted(v4_14_fixed, order, zap_a_part) == {"thp_split_pmd": 1}


def test_queueing() -> None:
    def zap_parts(made: Machine) -> None:
        made.call(madvise_dontneed, USER_BASE, PAGE_SIZE)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)

    def shrink(made: Machine) -> None:
        zap_parts(made)
        made.call(deferred_split_scan)

    assert counted(v4_14, 2, zap_parts) == {"thp_split_pmd": 1, "thp_deferred_split_page": 1}
    assert counted(v4_14, 2, shrink)["thp_split_page"] == 1


@pytest.mark.parametrize("kernel", [v4_14, v4_14_fixed], ids=str)
def test_a_huge_page_that_is_not_mapped_any_more_is_queued_until_v5_5(kernel: Kernel) -> None:
    def move(made: Machine) -> None:
        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

    def unmap(made: Machine) -> None:
        made.call(munmap, USER_BASE, HPAGE_PMD_SIZE)

    queued = {} if UNMAPPED_THP_NOT_QUEUED in kernel else {"thp_deferred_split_page": 1}
    assert counted(kernel, 2, unmap) == queued
    assert counted(kernel, 2, move) == {"pgmigrate_success": 1, **queued}


def test_what_is_moved_counts_for_one_or_for_each_of_its_pages() -> None:
    def move(made: Machine) -> None:
        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

    def move_pinned(made: Machine) -> None:
        mem_map[0]._refcount += 1
        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

    assert counted(v4_13, 2, move)["pgmigrate_success"] == 4
    assert counted(v4_14_fixed, 2, move)["pgmigrate_success"] == 1
    assert counted(v4_14_fixed, 2, move_pinned) == {"pgmigrate_fail": 1}
