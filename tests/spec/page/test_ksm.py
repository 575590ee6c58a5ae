"""What ksmd merges, what it leaves alone, and how merged pages get apart again."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14, v4_14_fixed
from mmspec.spec.machine.pgtable import (
    pmd_trans_huge,
    pte_dirty,
    pte_none,
    pte_pfn,
    pte_present,
    pte_soft_dirty,
    pte_write,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_SIZE,
    NR_RMAP_ITEMS,
    NR_STABLE_NODES,
    PAGE_SIZE,
    USER_BASE,
)
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    MMF_VM_MERGEABLE,
    VM_MERGEABLE,
    ksm,
    mem_map,
    mms,
)
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.proc_page import KPF_ANON, KPF_KSM, kpageflags_read
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    ksmd,
    kswapd,
    load,
    madvise_dontneed,
    madvise_mergeable,
    madvise_unmergeable,
    mark_idle,
    migrate_pages,
    mmap,
    mmap_locked,
    mmap_nohugepage,
    mremap,
    store,
)
from tests.spec.running import Machine, left_over, machine, pte_at

KSM = {"stable_nodes": 3, "rmap_items": 12}
SECOND = PAGE_SIZE


def _frame(k: int, mm: int = 0) -> int:
    """The frame of a user page, which is present."""
    pte = pte_at(k, mm)
    assert pte_present(pte)
    return pte_pfn(pte)


def _is_merged(frame: int) -> bool:
    return kpageflags_read(frame) & KPF_KSM != 0


def _two_pages(made: Machine, first: int = 1, second: int = 1) -> None:
    """Two base pages in a VMA that may be merged."""
    made.call(boot)
    made.call(mmap_nohugepage, USER_BASE, 2 * PAGE_SIZE)
    made.call(store, USER_BASE, first)
    made.call(store, USER_BASE + SECOND, second)
    made.call(madvise_mergeable, USER_BASE, 2 * PAGE_SIZE)


def _merged(made: Machine) -> None:
    """Two base pages that have been merged."""
    _two_pages(made)
    made.call(ksmd, task=1)
    made.call(ksmd, task=1)
    assert _frame(0) == _frame(1)


def _items() -> int:
    """How many addresses are noted."""
    return sum(ksm.rmap_items[k].used for k in range(int(NR_RMAP_ITEMS)))


def _nodes() -> int:
    """How many nodes the stable tree has."""
    return sum(ksm.stable_nodes[k].used for k in range(int(NR_STABLE_NODES)))


@pytest.mark.parametrize("order", [1, 2, 3, 9])
def test_pages_of_equal_content_become_one_at_the_second_scan(order: int) -> None:
    with machine(v4_14, order, **KSM) as made:
        _two_pages(made)
        free = sum(mem_map[k].buddy for k in range(len(mem_map)))

        made.call(ksmd, task=1)
        assert _frame(0) != _frame(1)
        made.call(ksmd, task=1)

        frame = _frame(0)
        assert _frame(1) == frame and mem_map[frame]._refcount == 2
        assert not any(pte_write(pte_at(k)) or pte_dirty(pte_at(k)) for k in range(2))
        assert kpageflags_read(frame) & (KPF_KSM | KPF_ANON) == KPF_KSM | KPF_ANON
        assert sum(mem_map[k].buddy for k in range(len(mem_map))) == free + 1
        assert mms[0].rss[MM_ANONPAGES] == 2
        made.call(load, USER_BASE)
        made.call(load, USER_BASE + SECOND)
        made.call(exit_mm)
        made.call(ksmd, task=1)
        assert left_over() == []


def test_pages_of_other_content_or_that_change_from_scan_to_scan_stay_apart() -> None:
    with machine(v4_14, **KSM) as made:
        _two_pages(made, 1, 2)
        made.call(ksmd, task=1)
        made.call(ksmd, task=1)
        assert _frame(0) != _frame(1)
        assert not any(_is_merged(_frame(k)) for k in range(2))
        made.call(store, USER_BASE + SECOND, 1)

        made.call(ksmd, task=1)

        assert _frame(0) != _frame(1)
        made.call(ksmd, task=1)
        assert _frame(0) == _frame(1)


def test_a_store_gets_a_copy_and_a_stable_page_is_found_at_the_first_scan() -> None:
    with machine(v4_14, **KSM) as made:
        _merged(made)
        shared = _frame(1)

        made.call(store, USER_BASE, 2)

        assert _frame(0) != shared and pte_write(pte_at(0)) and _is_merged(shared)
        made.call(load, USER_BASE + SECOND)
        made.call(store, USER_BASE, 1)
        made.call(ksmd, task=1)
        assert _frame(0) == _frame(1) == shared


def test_the_last_mapping_of_a_merged_page_is_copied_as_well() -> None:
    with machine(v4_14, **KSM) as made:
        _merged(made)
        made.call(store, USER_BASE, 2)
        shared = _frame(1)

        made.call(store, USER_BASE + SECOND, 3)

        assert _frame(1) != shared and mem_map[shared].buddy
        # the node finds out when somebody asks it
        assert _nodes() == 1
        made.call(ksmd, task=1)
        assert _nodes() == 0


def test_what_is_replaced_is_not_soft_dirty_any_more() -> None:
    with machine(v4_14_fixed, **KSM) as made:
        _two_pages(made)
        made.call(ksmd, task=1)
        assert pte_soft_dirty(pte_at(0)) and pte_soft_dirty(pte_at(1))

        made.call(ksmd, task=1)

        # the second became what the first was replaced by
        assert pte_soft_dirty(pte_at(1)) and not pte_soft_dirty(pte_at(0))


def test_what_is_pinned_is_not_merged() -> None:
    with machine(v4_14, **KSM) as made:
        _two_pages(made)
        made.call(ksmd, task=1)
        pinned = mem_map[_frame(0)]
        pinned._refcount += 1

        made.call(ksmd, task=1)

        assert _frame(0) != _frame(1)
        made.call(load, USER_BASE)
        made.call(load, USER_BASE + SECOND)
        pinned._refcount -= 1
        made.call(ksmd, task=1)
        assert _frame(0) == _frame(1)


def test_madvise_undoes_it() -> None:
    with machine(v4_14, **KSM) as made:
        _merged(made)

        assert made.call(madvise_unmergeable, USER_BASE, 2 * PAGE_SIZE) == 0

        assert _frame(0) != _frame(1)
        assert not any(_is_merged(_frame(k)) for k in range(2))
        assert not mms[0].mmap.vm_flags & VM_MERGEABLE
        # nothing is left to be scanned: the address space goes off the list
        made.call(ksmd, task=1)
        assert not mms[0].flags & MMF_VM_MERGEABLE and mms[0].mm_count == 1
        assert _items() == 0 and _nodes() == 0
        made.call(exit_mm)
        assert left_over() == []


def test_a_child_shares_what_was_merged_and_is_scanned_as_well() -> None:
    with machine(v4_14, **KSM) as made:
        _merged(made)
        made.call(fork, 1)
        assert mms[1].flags & MMF_VM_MERGEABLE
        shared = _frame(0)
        assert [_frame(k, 1) for k in range(2)] == [shared] * 2

        made.call(ksmd, task=2)

        assert mem_map[shared]._mapcount == 3 and _items() == 4
        made.call(store, USER_BASE, 2, task=1)
        made.call(load, USER_BASE)
        made.call(exit_mm)
        made.call(exit_mm, task=1)
        made.call(ksmd, task=2)
        assert left_over() == []


def test_who_exits_is_forgotten_at_once_if_nothing_was_scanned() -> None:
    with machine(v4_14, **KSM) as made:
        _two_pages(made)
        assert mms[0].mm_count == 2

        made.call(exit_mm)

        assert left_over() == [] and ksm.mm_slots[0].mm is None


@pytest.mark.parametrize("forked", [False, True])
def test_a_merged_page_is_moved(forked: bool) -> None:
    with machine(v4_14, **KSM) as made:
        _merged(made)
        if forked:
            # after ksmd has passed: found by the address in the parent
            made.call(fork, 1)

        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

        frame = _frame(0)
        assert frame >= 16 and _frame(1) == frame and _is_merged(frame)
        assert ksm.stable_nodes[0].kpfn == frame
        if forked:
            assert [_frame(k, 1) for k in range(2)] == [frame] * 2
        made.call(load, USER_BASE + SECOND)


def test_a_merged_page_goes_to_swap_and_comes_back_as_two() -> None:
    with machine(v4_14, swap_slots=8, **KSM) as made:
        _merged(made)
        made.call(mark_idle)
        made.call(kswapd)
        assert not any(pte_none(pte_at(k)) or pte_present(pte_at(k)) for k in range(2))

        made.call(load, USER_BASE)
        made.call(load, USER_BASE + SECOND)

        assert _frame(0) != _frame(1)
        made.call(exit_mm)
        made.call(ksmd, task=1)
        assert left_over() == []


def test_what_is_locked_in_memory_stays_so() -> None:
    with machine(v4_14, **KSM) as made:
        made.call(boot)
        made.call(mmap_locked, USER_BASE, 2 * PAGE_SIZE)
        made.call(madvise_mergeable, USER_BASE, 2 * PAGE_SIZE)
        made.call(ksmd, task=1)

        made.call(ksmd, task=1)

        assert _frame(0) == _frame(1)
        made.call(exit_mm)
        made.call(ksmd, task=1)
        assert left_over() == []


def test_what_is_moved_by_mremap_is_unmerged_first() -> None:
    with machine(v4_14, 1, pmds=2, **KSM) as made:
        _merged(made)

        assert made.call(mremap, USER_BASE, 2 * PAGE_SIZE, USER_BASE + HPAGE_PMD_SIZE) == 0

        pmd = mms[0].pgd.pmd[1].val
        frames = [pte_pfn(pmd_table(pmd).pte[k].val) for k in range(2)]
        assert frames[0] != frames[1] and not any(_is_merged(frame) for frame in frames)
        made.call(load, USER_BASE + HPAGE_PMD_SIZE)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_huge_page_whose_parts_are_alike_is_split_and_merged(order: int) -> None:
    with machine(v4_14_fixed, order, **{**KSM, "rmap_items": 8}) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 0)
        made.call(madvise_mergeable, USER_BASE, HPAGE_PMD_SIZE)

        for _ in range(4):
            made.call(ksmd, task=1)

        assert len({_frame(k) for k in range(1 << order)}) == 1
        made.call(madvise_dontneed, USER_BASE, HPAGE_PMD_SIZE)
        made.call(exit_mm)
        made.call(ksmd, task=1)
        assert left_over() == []


def test_as_released_it_stays_huge() -> None:
    with machine(v4_14, **KSM) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 0)
        made.call(madvise_mergeable, USER_BASE, HPAGE_PMD_SIZE)

        for _ in range(6):
            made.call(ksmd, task=1)

        assert pmd_trans_huge(mms[0].pgd.pmd[0].val)


def test_without_room_for_an_address_it_is_passed_by() -> None:
    with machine(v4_14, stable_nodes=1, rmap_items=1) as made:
        _two_pages(made)

        made.call(ksmd, task=1)
        made.call(ksmd, task=1)

        assert _items() == 1
        assert _frame(0) != _frame(1)
        assert [mem_map[_frame(k)]._refcount for k in range(2)] == [1, 1]
