"""Pages that go to the swap file and come back, one thing after another."""

from __future__ import annotations

import pytest

from mmspec.kernels.changes import THP_MOVES_IN_SWAP_CACHE, THP_SWAPPED_OUT_WHOLE
from mmspec.kernels.releases import v4_13, v4_14
from mmspec.lang.world import Violation
from mmspec.spec.machine.pgtable import (
    pte_pfn,
    pte_present,
    pte_swp_soft_dirty,
    pte_to_swp_entry,
    pte_write,
)
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    MM_SWAPENTS,
    Page,
    mem_map,
    mms,
    swap_info,
)
from mmspec.spec.page.page_flags import PG_dirty, PG_head, PG_idle, PG_swapbacked, PG_swapcache
from mmspec.spec.page.swapfile import (
    GARBAGE,
    SWAP_HAS_CACHE,
    SWAP_MAP_BAD,
    get_swap_pages,
    swap_duplicate,
    swap_free,
    swapcache_prepare,
)
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    kswapd,
    load,
    madvise_dontneed,
    madvise_free,
    mark_idle,
    migrate_pages,
    mmap,
    mmap_locked,
    read_idle,
    store,
)
from tests.spec.running import Machine, left_over, machine, pte_at

SLOT = 1


def _page(k: int = 0) -> Page:
    return mem_map[pte_pfn(pte_at(k))]


def _base_page(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, PAGE_SIZE)
    made.call(store, USER_BASE, 7)
    made.call(mark_idle)


def _huge_page(made: Machine, order: int = 2) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, PAGE_SIZE << order)
    made.call(store, USER_BASE, 7)
    made.call(store, USER_BASE + PAGE_SIZE, 8)


def _rss(mm: int = 0) -> tuple[int, int]:
    return mms[mm].rss[MM_ANONPAGES], mms[mm].rss[MM_SWAPENTS]


# ------------------------------------------------------------------------------------ a base page


def test_a_page_goes_to_its_slot_and_comes_back_soft_dirty() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)

        made.call(kswapd)

        assert pte_to_swp_entry(pte_at()) == SLOT and pte_swp_soft_dirty(pte_at())
        assert (swap_info.swap_map[SLOT], swap_info.data[SLOT], _rss()) == (1, 7, (0, 1))
        assert all(page.buddy for page in (mem_map[k] for k in range(8)))
        # checks what it finds
        made.call(load, USER_BASE)
        assert pte_present(pte_at()) and not pte_write(pte_at()) and _rss() == (1, 0)
        # the slot still holds the same: it need not be written again
        assert swap_info.swap_map[SLOT] == SWAP_HAS_CACHE
        assert _page().flags & (PG_swapcache | PG_dirty) == PG_swapcache
        made.call(exit_mm)
        assert (left_over(), swap_info.swap_map[SLOT]) == ([], 0)


def test_a_store_takes_the_page_out_of_the_swap_cache() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(kswapd)

        made.call(store, USER_BASE, 9)

        assert pte_write(pte_at()) and _page().flags & (PG_swapcache | PG_dirty) == PG_dirty
        assert (swap_info.swap_map[SLOT], _page().private) == (0, 0)


def test_a_page_that_a_child_has_swapped_out_as_well_is_copied() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(fork, 1)
        made.call(mark_idle)
        made.call(kswapd)
        assert (swap_info.swap_map[SLOT], _rss(0), _rss(1)) == (2, (0, 1), (0, 1))

        made.call(store, USER_BASE, 9)
        made.call(load, USER_BASE, task=1)

        assert pte_at(mm=0) != pte_at(mm=1) and not pte_write(pte_at(mm=1))
        assert swap_info.swap_map[SLOT] == SWAP_HAS_CACHE


def test_what_is_in_use_or_locked_stays() -> None:
    with machine(v4_14, swap_slots=2) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, PAGE_SIZE)
        made.call(store, USER_BASE, 8)

        made.call(kswapd)

        # a second chance: unmapping it found it accessed; it keeps its slot
        assert pte_present(pte_at()) and swap_info.swap_map[SLOT] == SWAP_HAS_CACHE
        made.call(kswapd)
        assert (swap_info.swap_map[SLOT], swap_info.data[SLOT]) == (1, 8)
    with machine(v4_14, swap_slots=2) as made:
        made.call(boot)
        made.call(mmap_locked, USER_BASE, PAGE_SIZE)
        made.call(mark_idle)
        made.call(kswapd)
        assert pte_present(pte_at()) and swap_info.swap_map[SLOT] == 0


def test_without_room_a_page_stays() -> None:
    with machine(v4_14, swap_slots=1) as made:
        _base_page(made)

        made.call(kswapd)

        assert pte_present(pte_at()) and not _page().flags & PG_swapcache


def test_a_swap_entry_that_is_thrown_away_frees_its_slot() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(kswapd)

        made.call(madvise_dontneed, USER_BASE, PAGE_SIZE)

        assert (pte_at(), swap_info.swap_map[SLOT], _rss()) == (0, 0, (0, 0))
        made.call(load, USER_BASE)


# ------------------------------------------------------------------------------------ a huge page


@pytest.mark.parametrize("order", [2, 9])
def test_a_huge_page_is_swapped_out_whole_and_in_page_by_page(order: int) -> None:
    nr = 1 << order
    with machine(v4_14, order, swap_slots=2 * nr) as made:
        _huge_page(made, order)
        made.call(mark_idle)

        made.call(kswapd)

        assert [pte_to_swp_entry(pte_at(k)) for k in range(nr)] == list(range(nr, 2 * nr))
        assert [swap_info.data[nr + k] for k in range(3)] == [7, 8, 0]
        assert _rss() == (0, nr) and not swap_info.huge[nr]
        made.call(load, USER_BASE + PAGE_SIZE)
        assert _rss() == (1, nr - 1) and not _page(1).flags & PG_head
        made.call(exit_mm)
        assert not left_over() and not any(swap_info.swap_map[k] for k in range(1, 2 * nr))


def test_before_it_could_be_swapped_out_whole_it_was_split() -> None:
    for kernel in (v4_13, v4_14.without(THP_SWAPPED_OUT_WHOLE)):
        with machine(kernel, swap_slots=8) as made:
            _huge_page(made)
            made.call(mark_idle)

            made.call(kswapd)

            assert pte_to_swp_entry(pte_at(0)) == 4 and not swap_info.huge[4]
            assert pte_present(pte_at(1)) and not _page(1).flags & PG_head
            assert _page(1).flags & PG_swapcache and _page(1).private == 5


def test_where_slots_are_scattered_a_huge_page_is_split() -> None:
    with machine(v4_14, swap_slots=4) as made:
        _huge_page(made)
        made.call(mark_idle)

        made.call(kswapd)

        assert pte_to_swp_entry(pte_at(0)) == SLOT and pte_present(pte_at(1))
        assert not _page(1).flags & (PG_swapcache | PG_head)


def test_a_huge_page_in_the_swap_cache_moves_from_v4_17_on() -> None:
    for kernel, moves in ((v4_14, False), (v4_14.with_(THP_MOVES_IN_SWAP_CACHE), True)):
        with machine(kernel, swap_slots=8) as made:
            _huge_page(made)
            made.call(kswapd)
            assert _page().flags & (PG_swapcache | PG_head) == PG_swapcache | PG_head
            before = pte_pfn(pte_at())

            left = made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

            assert (pte_pfn(pte_at()) != before, left == 0) == (moves, moves)
            made.call(load, USER_BASE)


def test_a_base_page_moves_with_its_slot() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(kswapd)
        made.call(load, USER_BASE)
        before = _page()

        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

        assert _page() is not before and before.buddy
        assert swap_info.page[SLOT] is _page() and _page().private == SLOT
        made.call(exit_mm)
        assert left_over() == [] and swap_info.swap_map[SLOT] == 0


# -------------------------------------------------------------------------------------- MADV_FREE


def test_what_was_given_away_is_dropped_unless_it_is_written_to() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(madvise_free, USER_BASE, PAGE_SIZE)
        assert not _page().flags & PG_swapbacked

        made.call(kswapd)

        assert (pte_at(), swap_info.swap_map[SLOT], _rss()) == (0, 0, (0, 0))
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(madvise_free, USER_BASE, PAGE_SIZE)
        made.call(store, USER_BASE, 3)
        made.call(mark_idle)
        made.call(kswapd)
        assert _page().flags & PG_swapbacked
        made.call(load, USER_BASE)


def test_a_part_of_a_huge_page_is_given_away_after_a_split() -> None:
    with machine(v4_14) as made:
        _huge_page(made)

        made.call(madvise_free, USER_BASE + PAGE_SIZE, PAGE_SIZE)

        assert not _page().flags & PG_head
        assert [bool(_page(k).flags & PG_swapbacked) for k in range(4)] == [True, False, True, True]
        assert (_page(0).data, _page(1).data) == (7, 0)


def test_a_swapped_page_is_given_away_with_its_slot() -> None:
    with machine(v4_14, swap_slots=2) as made:
        _base_page(made)
        made.call(kswapd)

        made.call(madvise_free, USER_BASE, PAGE_SIZE)

        assert (pte_at(), swap_info.swap_map[SLOT]) == (0, 0)
        made.call(load, USER_BASE)


# ------------------------------------------------------------------------------- slots, page_idle


def test_slots_are_counted() -> None:
    with machine(v4_14, swap_slots=4) as made:
        made.call(boot)
        assert [swap_info.data[k] for k in range(4)] == [0, GARBAGE, GARBAGE, GARBAGE]
        assert swap_info.swap_map[0] == SWAP_MAP_BAD

        assert made.call(get_swap_pages, 4) == 0
        assert [made.call(get_swap_pages, 1) for _ in range(4)] == [1, 2, 3, 0]
        assert made.call(swap_duplicate, 2) == 0 and made.call(swapcache_prepare, 2) < 0
        made.call(swap_free, 2)
        assert swap_info.swap_map[2] == SWAP_HAS_CACHE
        with pytest.raises(Violation, match="Unused swap offset"):
            made.call(swap_free, 2)


def test_a_page_is_idle_until_it_is_used_through_any_entry() -> None:
    with machine(v4_14) as made:
        _huge_page(made)
        made.call(mark_idle)
        made.call(read_idle)
        assert mem_map[0].flags & PG_idle

        # another processor, whose TLB knows nothing
        made.call(fork, 1)
        made.call(load, USER_BASE, task=1)
        made.call(read_idle)

        assert not mem_map[0].flags & PG_idle
