"""What khugepaged collapses, and what it leaves alone."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14
from mmspec.spec.machine.pgtable import pmd_dirty, pmd_trans_huge, pmd_write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    NR_ANON_MAPPED,
    NR_ANON_THPS,
    NR_ISOLATED_ANON,
    cpus,
    mem_map,
    mms,
    pgdat,
)
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    exit_mm,
    fork,
    khugepaged,
    load,
    madvise_dontneed,
    madvise_hugepage,
    mmap,
    store,
)
from tests.spec.running import Machine, left_over, machine


def _base_pages(made: Machine, subpages: int) -> None:
    """Base pages that hold their number, plus one; the last has been thrown away."""
    made.call(boot)
    made.call(madvise_hugepage)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 1)
    made.call(split_huge_pages_set)
    for k in range(min(subpages, 4)):
        made.call(store, USER_BASE + k * PAGE_SIZE, k + 1)
    made.call(madvise_dontneed, USER_BASE + (subpages - 1) * PAGE_SIZE, PAGE_SIZE)


def _is_huge() -> bool:
    return pmd_trans_huge(mms[0].pgd.pmd[0].val)


@pytest.mark.parametrize("order", [1, 2, 9])
def test_pages_are_copied_and_given_up(order: int) -> None:
    subpages = 1 << order
    with machine(v4_14, order) as made:
        _base_pages(made, subpages)
        free = sum(mem_map[k].buddy for k in range(len(mem_map)))

        made.call(khugepaged, task=1)

        pmd = mms[0].pgd.pmd[0].val
        assert _is_huge() and pmd_write(pmd) and pmd_dirty(pmd)
        assert not any(cpus[0].small[k] for k in range(subpages))
        # loads see to it that they find what was stored
        for k in range(min(subpages, 4)):
            made.call(load, USER_BASE + k * PAGE_SIZE)
        assert sum(mem_map[k].buddy for k in range(len(mem_map))) == free - 1
        assert mms[0].rss[MM_ANONPAGES] == subpages
        assert [pgdat.stat[n] for n in (NR_ANON_MAPPED, NR_ANON_THPS, NR_ISOLATED_ANON)] == [
            subpages,
            1,
            0,
        ]
        made.call(exit_mm)
        assert left_over() == []


def test_pages_that_are_shared_or_pinned_are_left_alone() -> None:
    with machine(v4_14) as made:
        _base_pages(made, 4)
        made.call(fork, 1)
        made.call(khugepaged, task=2)
        assert not _is_huge()
        made.call(exit_mm, task=1)
        made.call(store, USER_BASE, 1)
        mem_map[1]._refcount += 1

        made.call(khugepaged, task=2)

        assert not _is_huge()
        assert [mem_map[k].flags & 0x21 for k in range(3)] == [0x20] * 3
        mem_map[1]._refcount -= 1
        made.call(khugepaged, task=2)
        assert _is_huge()


def test_a_child_is_looked_at_as_well_and_leaves_the_list_when_it_exits() -> None:
    with machine(v4_14) as made:
        _base_pages(made, 4)
        made.call(fork, 1)
        assert [mms[k].mm_slot for k in range(3)] == [1, 1, 0]

        made.call(exit_mm)
        made.call(store, USER_BASE, 9, task=1)
        made.call(khugepaged, task=2)

        assert pmd_trans_huge(mms[1].pgd.pmd[0].val)
        assert [mms[k].mm_count for k in range(3)] == [0, 2, 0]
        made.call(load, USER_BASE, task=1)


def test_nothing_is_collapsed_where_nobody_may_write() -> None:
    with machine(v4_14) as made:
        _base_pages(made, 4)
        made.call(clear_refs)

        made.call(khugepaged, task=1)

        assert not _is_huge()
