"""Frames that are taken out of use, one by one or with all of their memory."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.scenarios.emptied import v4_14_contig
from mmspec.spec.machine.pgtable import (
    SWP_HWPOISON,
    pmd_trans_huge,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
    swp_entry,
    swp_type,
)
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.compaction import alloc_contig_range
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.huge_memory import FAULT_FLAG_WRITE, split_huge_pages_set
from mmspec.spec.page.memory_failure import (
    SIGBUS,
    do_machine_check,
    soft_offline_page,
    store_hard_offline_page,
)
from mmspec.spec.page.memory_hotplug import do_migrate_range, offline_pages
from mmspec.spec.page.mincore import Mincore, do_mincore
from mmspec.spec.page.mm_types import (
    EBUSY,
    EHWPOISON,
    MM_ANONPAGES,
    MM_SWAPENTS,
    NR_ISOLATED_ANON,
    VM_READ,
    Page,
    mem_map,
    mms,
    pgdat,
    signals,
    swap_info,
)
from mmspec.spec.page.page_flags import PG_head, PG_hwpoison, PG_lru, PG_swapcache
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.swap_state import add_to_swap
from mmspec.spec.page.syscalls import (
    boot,
    do_page_fault,
    exit_mm,
    fork,
    kswapd,
    load,
    madvise_dontneed,
    madvise_free,
    madvise_hwpoison,
    madvise_soft_offline,
    mark_idle,
    mlock,
    mmap,
    mprotect,
    pagemap,
    peek,
    pin_user_page,
    smaps,
    store,
    unpin,
)
from tests.spec import programs
from tests.spec.running import Machine, by_cpython, config, left_over, machine, natively, pte_at


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


# ------------------------------------------------------------------------------- hard offline


def _is_poison(pte: int) -> bool:
    return not pte_present(pte) and swp_type(pte_to_swp_entry(pte)) == SWP_HWPOISON


def _left_but(*frames: int) -> bool:
    """Whether nothing is left but these frames, which are broken, each with one reference."""
    held = all(mem_map[k]._refcount == 1 and mem_map[k].flags & PG_hwpoison for k in frames)
    return held and left_over() == [f"frame {k}" for k in frames]


@pytest.mark.parametrize("order", [1, 2, 3, 9])
def test_a_page_of_a_huge_page_is_lost_and_the_others_are_not(order: int) -> None:
    last = (1 << order) - 1
    with machine(v4_14, order, memory_failure=1) as made:
        _huge_page(made, last + 1)

        assert made.call(store_hard_offline_page, last) == 0

        assert _is_poison(pte_at(last)) and not mem_map[last].flags & PG_lru
        assert mms[0].rss[MM_ANONPAGES] == last
        made.call(load, USER_BASE)
        # SIGBUS
        assert not made.call(do_page_fault, USER_BASE + last * PAGE_SIZE, FAULT_FLAG_WRITE)
        made.call(store, USER_BASE + last * PAGE_SIZE, 9)
        assert mem_map[last].data == 8
        made.call(exit_mm)
        assert _left_but(last)


def test_a_broken_frame_that_is_free_is_not_allocated() -> None:
    with machine(v4_14, memory_failure=1) as made:
        made.call(boot)
        assert made.call(store_hard_offline_page, 1) == 0
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)

        made.call(store, USER_BASE, 1)

        assert _frames(4) == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("kernel", "again"), [(v4_14, 0), (v4_14_fixed, -EHWPOISON)], ids=["v4.14", "fixed"]
)
def test_a_frame_breaks_once(kernel: Kernel, again: int) -> None:
    with machine(kernel, memory_failure=1) as made:
        _huge_page(made, 4)
        assert made.call(store_hard_offline_page, 1) == 0

        assert made.call(store_hard_offline_page, 1) == again

        assert made.call(soft_offline_page, mem_map[1], 0) == -EBUSY
        made.call(exit_mm)
        assert _left_but(1)


def test_all_who_have_the_page_lose_it_and_are_told_if_they_cannot_wait() -> None:
    with machine(v4_14, memory_failure=1) as made:
        _huge_page(made, 4)
        made.call(fork, 1)

        assert made.call(do_machine_check, 1) == 0

        assert _is_poison(pte_at(1, 0)) and _is_poison(pte_at(1, 1))
        assert [signals[k].sent for k in range(3)] == [SIGBUS, SIGBUS, 0]
        # a child inherits what is lost
        made.call(fork, 2)
        assert _is_poison(pte_at(1, 2))
        assert not made.call(do_page_fault, USER_BASE + PAGE_SIZE, 0, task=2)
        for task in range(3):
            made.call(exit_mm, task=task)
        assert _left_but(1)


def test_who_does_not_wait_for_a_page_is_told_when_he_comes_for_it() -> None:
    with machine(v4_14, memory_failure=1) as made:
        _huge_page(made, 4)

        made.call(store_hard_offline_page, 1)

        assert signals[0].sent == 0
        assert not made.call(do_page_fault, USER_BASE + PAGE_SIZE, 0)


@pytest.mark.parametrize(
    ("kernel", "left"), [(v4_14, 0), (v4_14_fixed, PG_hwpoison)], ids=["v4.14", "fixed"]
)
def test_a_huge_page_that_is_pinned_stays_as_it_is(kernel: Kernel, left: int) -> None:
    with machine(kernel, memory_failure=1) as made:
        _huge_page(made, 4)
        made.call(pin_user_page, USER_BASE, True)

        assert made.call(store_hard_offline_page, 3) == -EBUSY

        assert _frames(4) == [0, 1, 2, 3] and mem_map[3].flags & PG_hwpoison == left
        made.call(unpin, False)
        _loads(made, 4)
        made.call(exit_mm)
        assert left_over() == []


def test_a_base_page_that_is_pinned_is_unmapped_and_not_given_up() -> None:
    with machine(v4_14, memory_failure=1) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, PAGE_SIZE)
        made.call(store, USER_BASE, 1)
        made.call(pin_user_page, USER_BASE, True)

        assert made.call(store_hard_offline_page, 0) == -EBUSY

        assert _is_poison(pte_at(0))
        made.call(unpin, False)
        made.call(exit_mm)
        assert _left_but(0)


def test_an_mlocked_page_is_lost_like_any_other() -> None:
    with machine(v4_14, memory_failure=1) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, PAGE_SIZE)
        made.call(mlock, USER_BASE, PAGE_SIZE)

        assert made.call(store_hard_offline_page, 0) == 0

        assert _is_poison(pte_at(0))
        made.call(exit_mm)
        assert _left_but(0)


def _base_page(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, PAGE_SIZE)
    made.call(store, USER_BASE, 1)


def test_what_the_swap_file_has_is_read_from_there() -> None:
    with machine(v4_14_fixed, memory_failure=1, swap_slots=8) as made:
        _base_page(made)
        made.call(mark_idle)
        made.call(kswapd)
        made.call(load, USER_BASE)

        assert made.call(store_hard_offline_page, 0) == 0

        assert swap_info.page[1] is None and mms[0].rss[MM_SWAPENTS] == 1
        made.call(load, USER_BASE)
        assert pte_pfn(pte_at(0)) == 1
        made.call(exit_mm)
        assert _left_but(0)


def test_what_the_swap_file_does_not_have_yet_stays_in_the_swap_cache() -> None:
    with machine(v4_14_fixed, memory_failure=1, swap_slots=8) as made:
        _base_page(made)
        made.call(_give_a_slot, mem_map[0])

        assert made.call(store_hard_offline_page, 0) == 0

        assert pte_to_swp_entry(pte_at(0)) == swp_entry(0, 1) and mem_map[0].flags & PG_swapcache
        assert not made.call(do_page_fault, USER_BASE, 0)
        made.call(exit_mm)
        assert _left_but(0) and swap_info.swap_map[1] == 0


def _give_a_slot(page: Page) -> None:
    lock_page(page)
    add_to_swap(page)
    unlock_page(page)


def test_whoever_looks_at_a_poison_entry_goes_on() -> None:
    with machine(v4_14_fixed, memory_failure=1) as made:
        _huge_page(made, 4)
        made.call(store_hard_offline_page, 1)
        poison = pte_at(1)
        told = Mincore()

        assert made.call(do_mincore, mms[0], USER_BASE, 4, told) == 0
        made.call(pagemap, USER_BASE, 4)
        made.call(smaps)
        made.call(madvise_free, USER_BASE, HPAGE_PMD_SIZE)
        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, VM_READ)
        made.call(peek, USER_BASE + PAGE_SIZE)
        made.call(split_huge_pages_set)

        assert [told.vec[k] for k in range(4)] == [1, 1, 1, 1]
        assert not made.call(pin_user_page, USER_BASE + PAGE_SIZE, False)
        assert made.call(mlock, USER_BASE, HPAGE_PMD_SIZE) != 0
        assert pte_at(1) == poison
        made.call(madvise_dontneed, USER_BASE, HPAGE_PMD_SIZE)
        assert pte_at(1) == 0
        made.call(exit_mm)
        assert _left_but(1)


def test_a_process_says_that_its_memory_is_broken() -> None:
    with machine(v4_14_fixed, memory_failure=1) as made:
        _huge_page(made, 4)
        # a huge page is done with its first page
        assert made.call(madvise_hwpoison, USER_BASE, HPAGE_PMD_SIZE) == 0
        assert [_is_poison(pte_at(k)) for k in range(4)] == [True, False, False, False]

        assert made.call(madvise_soft_offline, USER_BASE + PAGE_SIZE, 2 * PAGE_SIZE) == 0

        assert pte_pfn(pte_at(1)) > 3 and pte_pfn(pte_at(2)) > 3 and pte_pfn(pte_at(3)) == 3
        assert [mem_map[k].buddy for k in range(4)] == [0, 1, 1, 0]
        made.call(exit_mm)
        assert _left_but(0)


def test_in_v4_14_a_broken_head_took_all_pages_of_a_huge_page_with_it() -> None:
    for kernel, lost in ((v4_14, [0, 1, 2]), (v4_14_fixed, [0])):
        with machine(kernel, memory_failure=1) as made:
            _huge_page(made, 4)
            made.call(madvise_dontneed, USER_BASE + 3 * PAGE_SIZE, PAGE_SIZE)

            made.call(store_hard_offline_page, 0)

            assert [k for k in range(3) if _is_poison(pte_at(k))] == lost


@pytest.mark.parametrize("order", [1, 2, 3, 9])
def test_broken_frames_are_the_same_natively(order: int) -> None:
    phases = [
        (0, programs.huge_page),
        (0, programs.breaks),
        (0, programs.meets_what_is_broken),
        (0, exit_mm),
        (1, exit_mm),
    ]
    sizes = config(order, memory_failure=1)
    memory, left = by_cpython(phases, v4_14_fixed, sizes)

    assert left == ["frame 0", "frame 1"]
    assert memory == natively(phases, v4_14_fixed, sizes)
