"""What guests see of a process's memory, and when they are told to look again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmspec.kernels.releases import v4_10, v4_13, v4_14_fixed
from mmspec.properties.entries import no_guest_reaches_a_freed_page
from mmspec.spec.machine.pgtable import pmd_trans_huge, pte_pfn
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.memory import zap_pmd_range
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm import page_to_nid
from mmspec.spec.page.mm_types import VM_READ, kvms, mem_map, mms
from mmspec.spec.page.mmu_gather import MmuGather, tlb_finish_mmu, tlb_gather_mmu
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    exit_mm,
    fork,
    guest_load,
    guest_store,
    khugepaged,
    kvm_create,
    load,
    madvise_dontneed,
    madvise_free,
    madvise_hugepage,
    migrate_pages,
    mmap,
    mprotect,
    munmap,
    store,
)
from tests.spec import programs
from tests.spec.running import Machine, by_cpython, config, left_over, machine, natively

SECOND = USER_BASE + PAGE_SIZE


def _guest(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 1)
    made.call(kvm_create)
    made.call(guest_store, SECOND, 2)


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        (fork, (1,)),
        (split_huge_pages_set, ()),
        (migrate_pages, (0, 1, MPOL_MF_MOVE_ALL)),
        (clear_refs, ()),
        (mprotect, (USER_BASE, HPAGE_PMD_SIZE, VM_READ)),
        (madvise_free, (USER_BASE, HPAGE_PMD_SIZE)),
        (madvise_dontneed, (SECOND, PAGE_SIZE)),
        (munmap, (USER_BASE, HPAGE_PMD_SIZE)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("kernel", [v4_10, v4_13, v4_14_fixed], ids=str)
def test_a_guest_is_told_of_every_change(
    kernel: Any, change: Callable[..., Any], arguments: tuple[int, ...]
) -> None:
    with machine(kernel, guests=1) as made:
        _guest(made)
        assert kvms[0].spte[1] != 0

        made.call(change, *arguments)

        assert kvms[0].spte[1] == 0
        assert kvms[0].mmu_notifier_count == 0
        made.call(exit_mm)


def test_a_guest_and_its_process_see_each_others_stores() -> None:
    with machine(v4_14_fixed, guests=1) as made:
        _guest(made)

        made.call(load, SECOND)
        made.call(guest_load, USER_BASE)
        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)
        made.call(guest_store, SECOND, 3)
        made.call(load, SECOND)

        assert page_to_nid(mem_map[pte_pfn(kvms[0].spte[1])]) == 1


def test_what_a_guest_stores_after_a_fork_is_not_the_childs() -> None:
    with machine(v4_14_fixed, guests=1) as made:
        _guest(made)
        made.call(fork, 1)

        made.call(guest_store, SECOND, 3)

        made.call(load, SECOND, task=1)
        made.call(load, SECOND)
        made.call(exit_mm, task=1)
        made.call(exit_mm)
        assert left_over() == []


def test_a_guest_that_is_not_told_reaches_a_freed_page() -> None:
    with machine(v4_14_fixed, guests=1) as made:
        _guest(made)
        vma = mms[0].mmap
        holds = no_guest_reaches_a_freed_page.holds
        assert holds is not None and holds()

        def zap() -> None:
            tlb = MmuGather()
            tlb_gather_mmu(tlb, mms[0], False)
            zap_pmd_range(tlb, vma, USER_BASE, USER_BASE + HPAGE_PMD_SIZE)
            tlb_finish_mmu(tlb, USER_BASE, USER_BASE + HPAGE_PMD_SIZE)

        made.call(zap)

        assert not holds()


@pytest.mark.parametrize(("order", "frames"), [(2, 32), (9, 4096)])
def test_a_guest_is_the_same_natively(order: int, frames: int) -> None:
    phases = (
        (0, programs.huge_page),
        (0, programs.runs_a_guest),
        (0, programs.migrates),
        (0, programs.exits),
        (1, programs.exits),
    )
    sizes = config(order, frames=frames, guests=1)

    memory, left = by_cpython(phases, v4_14_fixed, sizes)

    assert memory == natively(phases, v4_14_fixed, sizes)
    assert left == []


def test_a_guest_is_told_of_pages_that_are_collapsed() -> None:
    with machine(v4_14_fixed, guests=1) as made:
        _guest(made)
        for k in range(4):
            made.call(store, USER_BASE + k * PAGE_SIZE, k + 1)
        made.call(split_huge_pages_set)
        made.call(load, USER_BASE)
        made.call(guest_store, SECOND, 5)
        made.call(madvise_hugepage)

        made.call(khugepaged)

        assert pmd_trans_huge(mms[0].pgd.pmd[0].val)
        assert kvms[0].spte[1] == 0
        made.call(guest_load, SECOND)
