"""NUMA balancing, with nothing else going on: hints, and where they bring pages."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_10, v4_14, v4_14_fixed, v4_14_numa_fixed
from mmspec.spec.machine.pgtable import pmd_pfn, pmd_protnone, pmd_write, pte_pfn, pte_protnone
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.fair import task_numa_work
from mmspec.spec.page.mm import page_to_nid
from mmspec.spec.page.mm_types import NR_ISOLATED_ANON, NR_MLOCK, mem_map, mms, pgdat
from mmspec.spec.page.page_flags import PG_lru, PG_mlocked
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    load,
    mbind,
    mmap,
    mmap_locked,
    mprotect,
    pin_user_page,
    poke,
    share_mm,
    store,
    unpin,
)
from tests.spec.running import left_over, machine

KERNELS = pytest.mark.parametrize(
    "kernel", [v4_10, v4_14, v4_14_numa_fixed, v4_14_fixed], ids=lambda kernel: kernel.name
)


def pmd() -> int:
    return mms[0].pgd.pmd[0].val


def pte(k: int) -> int:
    return pmd_table(pmd()).pte[k].val


@KERNELS
@pytest.mark.parametrize("order", [2, 9])
def test_a_huge_page_goes_to_the_node_of_the_processor_that_uses_it(
    kernel: Kernel, order: int
) -> None:
    with machine(kernel, order) as made:
        made.call(boot)
        made.call(mmap_locked, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE + PAGE_SIZE, 7)
        made.call(share_mm, 1)
        assert page_to_nid(mem_map[pmd_pfn(pmd())]) == 0

        made.call(task_numa_work, task=1)
        assert pmd_protnone(pmd()) and pmd_write(pmd())
        made.call(load, USER_BASE + PAGE_SIZE, task=0)
        assert not pmd_protnone(pmd()) and page_to_nid(mem_map[pmd_pfn(pmd())]) == 0
        made.call(task_numa_work, task=1)
        made.call(load, USER_BASE + PAGE_SIZE, task=1)

        page = mem_map[pmd_pfn(pmd())]
        assert not pmd_protnone(pmd()) and page_to_nid(page) == 1
        assert page.flags & (PG_lru | PG_mlocked) == PG_lru | PG_mlocked
        assert (page + 1).data == 7 and page._refcount == 1
        assert pgdat.stat[NR_ISOLATED_ANON] == 0 and pgdat.stat[NR_MLOCK] == HPAGE_PMD_NR
        made.call(store, USER_BASE, 8, task=1)
        for task in (0, 1):
            made.call(exit_mm, task=task)
        assert left_over() == []


@KERNELS
def test_a_base_page_does_so_and_a_huge_page_that_others_map_stays(kernel: Kernel) -> None:
    with machine(kernel) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, 2 * PAGE_SIZE)
        made.call(store, USER_BASE, 7)
        made.call(share_mm, 1)

        made.call(task_numa_work)
        assert pte_protnone(pte(0))
        made.call(store, USER_BASE, 8, task=1)
        made.call(load, USER_BASE)

        assert not pte_protnone(pte(0)) and page_to_nid(mem_map[pte_pfn(pte(0))]) == 1
        for task in (0, 1):
            made.call(exit_mm, task=task)
        assert left_over() == []

    with machine(kernel) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 7)
        made.call(share_mm, 1)
        made.call(fork, 2)

        made.call(task_numa_work)
        made.call(load, USER_BASE, task=1)

        assert not pmd_protnone(pmd()) and page_to_nid(mem_map[pmd_pfn(pmd())]) == 0
        for task in (0, 1, 2):
            made.call(exit_mm, task=task)
        assert left_over() == []


def test_what_cannot_be_moved_or_accessed_is_not_hinted_at() -> None:
    with machine(v4_14_fixed) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 7)
        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, 0)
        denied = pmd()
        made.call(task_numa_work)
        assert pmd() == denied
        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, 7)
        made.call(mbind, USER_BASE, HPAGE_PMD_SIZE, 1, 0)

        made.call(task_numa_work)

        assert not pmd_protnone(pmd())
        made.call(store, USER_BASE, 8)


def test_a_process_of_one_thread_is_not_asked_about_base_pages_where_it_runs() -> None:
    with machine(v4_14_fixed) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, 2 * PAGE_SIZE)
        made.call(store, USER_BASE, 7)

        made.call(task_numa_work)
        assert not pte_protnone(pte(0))
        made.call(share_mm, 1)
        made.call(task_numa_work)
        assert pte_protnone(pte(0))


def test_who_pins_a_page_takes_its_hint_but_a_debugger_does_not() -> None:
    with machine(v4_14_fixed, pins=1) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 7)
        made.call(share_mm, 1)
        made.call(task_numa_work)

        made.call(poke, USER_BASE, 8, task=1)
        assert pmd_protnone(pmd())
        assert made.call(pin_user_page, USER_BASE, True, task=1)
        made.call(unpin, True, task=1)

        assert not pmd_protnone(pmd()) and page_to_nid(mem_map[pmd_pfn(pmd())]) == 1
        made.call(load, USER_BASE)
        for task in (0, 1):
            made.call(exit_mm, task=task)
        assert left_over() == []
