"""Frames that are taken out of use, one by one or with all of their memory."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.scenarios.emptied import v4_14_contig
from mmspec.spec.machine.pgtable import pmd_trans_huge, pte_pfn
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.compaction import alloc_contig_range
from mmspec.spec.page.memory_failure import soft_offline_page
from mmspec.spec.page.memory_hotplug import do_migrate_range, offline_pages
from mmspec.spec.page.mm_types import EBUSY, NR_ISOLATED_ANON, mem_map, mms, pgdat
from mmspec.spec.page.page_flags import PG_head, PG_hwpoison, PG_lru
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import boot, exit_mm, fork, load, madvise_dontneed, mmap, store
from tests.spec.running import Machine, left_over, machine


def _huge_page(made: Machine, subpages: int) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)
    made.call(store, USER_BASE + (subpages - 1) * PAGE_SIZE, 8)


def _loads(made: Machine, subpages: int) -> None:
    """Loads see to it that they find what was stored."""
    made.call(load, USER_BASE)
    made.call(load, USER_BASE + (subpages - 1) * PAGE_SIZE)


def _frames(subpages: int) -> list[int]:
    pmd = mms[0].pgd.pmd[0].val
    if pmd_trans_huge(pmd):
        return [pte_pfn(pmd) + k for k in range(subpages)]
    return [pte_pfn(pmd_table(pmd).pte[k].val) for k in range(subpages)]


@pytest.mark.parametrize("order", [1, 2])
def test_one_page_of_a_huge_page_moves_and_its_frame_is_not_used_again(order: int) -> None:
    last = (1 << order) - 1
    with machine(v4_14, order) as made:
        _huge_page(made, last + 1)

        assert made.call(soft_offline_page, mem_map[last], 0) == 0

        frames = _frames(last + 1)
        assert frames[:last] == list(range(last)) and frames[last] > last
        _loads(made, last + 1)
        assert (mem_map[last].buddy, mem_map[last].flags & PG_hwpoison) == (1, PG_hwpoison)
        assert made.call(soft_offline_page, mem_map[last], 0) == -EBUSY
        made.call(exit_mm)
        assert left_over() == []


def test_a_free_frame_is_poisoned_and_not_allocated() -> None:
    with machine(v4_14) as made:
        made.call(boot)
        assert made.call(soft_offline_page, mem_map[1], 0) == 0
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)

        made.call(store, USER_BASE, 1)

        assert _frames(4) == [4, 5, 6, 7]


def test_a_page_that_nothing_maps_any_more_is_freed_and_poisoned() -> None:
    with machine(v4_14_fixed) as made:
        _huge_page(made, 4)
        made.call(madvise_dontneed, USER_BASE + 3 * PAGE_SIZE, PAGE_SIZE)

        assert made.call(soft_offline_page, mem_map[3], 0) == 0

        assert (mem_map[3].buddy, mem_map[3].flags & PG_hwpoison) == (1, PG_hwpoison)
        assert not mem_map[0].flags & PG_head
        made.call(exit_mm)
        assert left_over() == []


@pytest.mark.parametrize("order", [1, 2, 9])
def test_memory_that_is_taken_offline_is_left_by_huge_pages_as_a_whole(order: int) -> None:
    subpages = 1 << order
    with machine(v4_14_fixed, order) as made:
        _huge_page(made, subpages)
        made.call(fork, 1)
        node = len(mem_map) // 2

        assert made.call(offline_pages, 0, 2 * subpages) == 0

        assert _frames(subpages) == [node + k for k in range(subpages)]
        assert pmd_trans_huge(mms[0].pgd.pmd[0].val)
        _loads(made, subpages)
        made.call(store, USER_BASE, 9, task=1)
        # what is offline is not allocated
        assert all(mem_map[k].buddy for k in range(2 * subpages))
        assert pgdat.stat[NR_ISOLATED_ANON] == 0


def test_huge_pages_were_split_when_memory_was_taken_offline() -> None:
    with machine(v4_13) as made:
        _huge_page(made, 4)

        assert made.call(offline_pages, 0, 4) == 0

        assert not pmd_trans_huge(mms[0].pgd.pmd[0].val)
        assert sorted(_frames(4)) == [16, 17, 18, 19]
        _loads(made, 4)


def test_what_cannot_be_moved_is_put_back() -> None:
    with machine(v4_14_fixed) as made:
        _huge_page(made, 4)
        mem_map[0]._refcount += 1

        assert made.call(do_migrate_range, 0, 4) == 1

        assert _frames(4) == [0, 1, 2, 3]
        assert (mem_map[0]._refcount, mem_map[0].flags & PG_lru) == (2, PG_lru)
        assert pgdat.stat[NR_ISOLATED_ANON] == 0


def test_a_range_is_emptied_but_for_what_is_pinned() -> None:
    with machine(v4_14_contig) as made:
        _huge_page(made, 4)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        mem_map[0]._refcount += 1

        assert made.call(alloc_contig_range, 0, 4) == -EBUSY
        assert mem_map[0].flags & PG_head
        mem_map[0]._refcount -= 1
        assert made.call(alloc_contig_range, 0, 4) == 0

        _loads(made, 4)
        assert pgdat.stat[NR_ISOLATED_ANON] == 0
