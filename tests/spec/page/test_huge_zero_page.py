"""Zero pages: who gets them, who counts them, and what is left when nobody uses them."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.changes import HUGE_ZERO_PAGE_PER_MM
from mmspec.kernels.releases import v4_10, v4_14, v4_14_fixed
from mmspec.properties.accounts import nobody_is_left_with_the_huge_zero_page
from mmspec.properties.entries import zero_pages_are_zero
from mmspec.spec.machine.pgtable import pmd_pfn, pmd_trans_huge, pmd_write, pte_pfn, pte_special
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE, ZERO_PFN
from mmspec.spec.page.huge_zero_page import is_huge_zero_pmd, shrink_huge_zero_page_scan
from mmspec.spec.page.mm import page_to_pfn
from mmspec.spec.page.mm_types import MM_ANONPAGES, Mm, huge_zero, mem_map, mms
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    load,
    madvise_dontneed,
    mmap,
    poke,
    store,
)
from tests.spec.running import Machine, left_over, machine

RELEASES = [v4_10, v4_14, v4_14_fixed]
KERNELS = pytest.mark.parametrize("kernel", RELEASES, ids=str)
KERNELS_AND_ORDERS = pytest.mark.parametrize(
    ("kernel", "order"),
    [*((kernel, 2) for kernel in RELEASES), (v4_14_fixed, 1), (v4_14_fixed, 9)],
    ids=str,
)


def _read(made: Machine, length: int = 0) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, length or HPAGE_PMD_SIZE)
    made.call(load, USER_BASE)


def _pmd(mm: Mm) -> int:
    return mm.pgd.pmd[0].val


def _is_zero(mm: Mm) -> bool:
    return pmd_trans_huge(_pmd(mm)) and is_huge_zero_pmd(_pmd(mm)) and not pmd_write(_pmd(mm))


@KERNELS_AND_ORDERS
def test_readers_share_one_page_that_is_freed_when_none_is_left(order: int, kernel: Kernel) -> None:
    with machine(kernel, order, use_zero_page=1) as made:
        _read(made)
        made.call(fork, 1)

        assert _is_zero(mms[0]) and _is_zero(mms[1])
        assert huge_zero.refcount == 3
        assert mms[0].rss[MM_ANONPAGES] == mms[1].rss[MM_ANONPAGES] == 0
        made.call(shrink_huge_zero_page_scan)
        assert huge_zero.page
        for task in (1, 0):
            made.call(exit_mm, task=task)
        assert huge_zero.refcount == 1 and nobody_is_left_with_the_huge_zero_page.holds()
        made.call(shrink_huge_zero_page_scan)
        assert not huge_zero.page and left_over() == []


@KERNELS_AND_ORDERS
def test_a_store_gets_a_page_of_its_own(order: int, kernel: Kernel) -> None:
    with machine(kernel, order, use_zero_page=1) as made:
        _read(made)
        made.call(store, USER_BASE + PAGE_SIZE, 7)

        assert pmd_trans_huge(_pmd(mms[0])) and pmd_write(_pmd(mms[0])) and not _is_zero(mms[0])
        assert mms[0].rss[MM_ANONPAGES] == int(HPAGE_PMD_NR)
        first = mem_map[pmd_pfn(_pmd(mms[0]))]
        assert [(first + i).data for i in range(2)] == [0, 7]
        assert zero_pages_are_zero.holds()
        made.call(exit_mm)
        made.call(shrink_huge_zero_page_scan)
        assert left_over() == []


@KERNELS
def test_thrown_away_in_part_it_is_split_to_zero_pages(kernel: Kernel) -> None:
    with machine(kernel, use_zero_page=1) as made:
        _read(made)
        made.call(madvise_dontneed, USER_BASE + 3 * PAGE_SIZE, PAGE_SIZE)
        table = pmd_table(_pmd(mms[0]))

        assert [pte_pfn(table.pte[i].val) for i in range(3)] == [int(ZERO_PFN)] * 3
        assert all(pte_special(table.pte[i].val) for i in range(3)) and table.pte[3].val == 0
        made.call(store, USER_BASE, 7)
        made.call(load, USER_BASE + PAGE_SIZE)
        assert mms[0].rss[MM_ANONPAGES] == 1 and mem_map[int(ZERO_PFN)].data == 0
        made.call(fork, 1)
        assert mms[1].rss[MM_ANONPAGES] == 1
        for task in (1, 0):
            made.call(exit_mm, task=task)
        made.call(shrink_huge_zero_page_scan)
        assert left_over() == []


@KERNELS
def test_where_there_is_no_room_for_a_huge_page_readers_get_the_zero_page(kernel: Kernel) -> None:
    with machine(kernel, use_zero_page=1) as made:
        _read(made, PAGE_SIZE)

        assert not huge_zero.page
        assert pte_pfn(pmd_table(_pmd(mms[0])).pte[0].val) == int(ZERO_PFN)
        made.call(poke, USER_BASE, 7)
        made.call(load, USER_BASE)
        assert mms[0].last_store[0] == 7 and zero_pages_are_zero.holds()


def test_before_address_spaces_counted_mappings_did() -> None:
    for kernel, left in ((v4_14_fixed, 2), (v4_14_fixed.without(HUGE_ZERO_PAGE_PER_MM), 1)):
        with machine(kernel, use_zero_page=1) as made:
            _read(made)
            assert huge_zero.refcount == 2
            made.call(madvise_dontneed, USER_BASE, HPAGE_PMD_SIZE)

            assert huge_zero.refcount == left


def test_a_reference_too_many_and_a_store_are_noticed() -> None:
    with machine(v4_14, use_zero_page=1) as made:
        _read(made)

        assert not nobody_is_left_with_the_huge_zero_page.holds()
        assert page_to_pfn(huge_zero.page) == pmd_pfn(_pmd(mms[0])) and zero_pages_are_zero.holds()
        (huge_zero.page + 1).data = 1
        assert not zero_pages_are_zero.holds()
