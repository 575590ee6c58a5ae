"""Each of v4.14's nine flags of try_to_unmap(), with it and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14
from mmspec.lang import ModelError
from mmspec.lang.world import Violation
from mmspec.spec.machine.pgtable import (
    SWP_HWPOISON,
    SWP_MIGRATION_READ,
    SWP_MIGRATION_WRITE,
    pmd_trans_huge,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
    pte_young,
    swp_offset,
    swp_type,
)
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.mlock import munlock_vma_page
from mmspec.spec.page.mm import get_page
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    MM_SWAPENTS,
    NR_MLOCK,
    Page,
    cpus,
    mem_map,
    mms,
    pgdat,
    swap_info,
    tasks,
    vmas,
)
from mmspec.spec.page.page_flags import (
    PG_dirty,
    PG_hwpoison,
    PG_lru,
    PG_mlocked,
    PG_swapcache,
)
from mmspec.spec.page.rmap import (
    TTU,
    anon_vma_lock_write,
    anon_vma_unlock_write,
    try_to_munlock,
    try_to_unmap,
)
from mmspec.spec.page.swap import isolate_lru_page, putback_lru_page
from mmspec.spec.page.swapfile import SWAP_HAS_CACHE
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    load,
    madvise_dontneed,
    mmap,
    mmap_locked,
    share_mm,
    store,
)
from tests.spec.running import Machine, machine, pte_at

#: What a migration asks for.
MIGRATE = TTU.MIGRATION | TTU.IGNORE_MLOCK | TTU.IGNORE_ACCESS
#: What reclaim asks for when a page must go.
RECLAIM = TTU.IGNORE_ACCESS


def _unmap(page: Page, flags: TTU) -> bool:
    """try_to_unmap() with a reference, which stays: it may be the last."""
    get_page(page)
    lock_page(page)
    unmapped = try_to_unmap(page, flags)
    unlock_page(page)
    return unmapped


def _unmap_with_rmap_locked(page: Page, flags: TTU) -> bool:
    """The same by a caller that has the anon_vma's lock, as split_huge_page() does."""
    anon_vma = vmas[0].anon_vma
    anon_vma_lock_write(anon_vma)
    unmapped = _unmap(page, flags)
    anon_vma_unlock_write(anon_vma)
    return unmapped


def _base_page(made: Machine, map_: Callable[[int, int], int] = mmap) -> Page:
    """A base page that has been written to."""
    made.call(boot)
    made.call(map_, USER_BASE, PAGE_SIZE)
    made.call(store, USER_BASE, 7)
    return mem_map[pte_pfn(pte_at())]


def _in_swap_cache(page: Page) -> None:
    """What add_to_swap() leaves behind: slot 1, and a reference of the swap cache."""
    page.flags |= PG_swapcache
    page.private = 1
    page._refcount += 1
    swap_info.swap_map[1] = SWAP_HAS_CACHE


def _huge_page(made: Machine) -> Page:
    made.call(boot)
    made.call(mmap, USER_BASE, 4 * PAGE_SIZE)
    made.call(store, USER_BASE, 7)
    return mem_map[0]


def _pmd(mm: int = 0) -> int:
    return mms[mm].pgd.pmd[0].val


def _types(entries: list[int]) -> set[int]:
    return {swp_type(pte_to_swp_entry(entry)) for entry in entries}


# ------------------------------------------------------------------------------------ the flags


def test_MIGRATION_puts_a_migration_entry_where_else_a_swap_entry_comes() -> None:
    with machine(v4_14, swap_slots=2) as made:
        page = _base_page(made)
        _in_swap_cache(page)

        assert made.call(_unmap, page, MIGRATE)

        assert _types([pte_at()]) == {SWP_MIGRATION_WRITE}
        assert swp_offset(pte_to_swp_entry(pte_at())) == page._mmspec_index
        assert (mms[0].rss[MM_ANONPAGES], mms[0].rss[MM_SWAPENTS]) == (1, 0)
    with machine(v4_14, swap_slots=2) as made:
        page = _base_page(made)
        _in_swap_cache(page)

        assert made.call(_unmap, page, RECLAIM)

        assert (_types([pte_at()]), swap_info.swap_map[1]) == ({0}, SWAP_HAS_CACHE + 1)
        assert (mms[0].rss[MM_ANONPAGES], mms[0].rss[MM_SWAPENTS]) == (0, 1)


def test_MIGRATION_converts_a_huge_PMD_as_it_is() -> None:
    with machine(v4_14) as made:
        page = _huge_page(made)

        assert made.call(_unmap, page, MIGRATE)

        assert _types([_pmd()]) == {SWP_MIGRATION_WRITE}
        assert page.flags & PG_dirty


def test_without_MIGRATION_a_huge_PMD_is_unexpected() -> None:
    with machine(v4_14) as made, pytest.raises(Violation, match="unexpected PMD-mapped THP"):
        made.call(_unmap, _huge_page(made), RECLAIM | TTU.SPLIT_FREEZE | TTU.IGNORE_MLOCK)


def test_SPLIT_HUGE_PMD_splits_first() -> None:
    with machine(v4_14) as made:
        page = _huge_page(made)

        assert made.call(_unmap, page, MIGRATE | TTU.SPLIT_HUGE_PMD)

        assert not pmd_trans_huge(_pmd())
        assert _types([pte_at(k) for k in range(4)]) == {SWP_MIGRATION_WRITE}


@pytest.mark.parametrize(
    ("kernel", "flag"),
    [(v4_13, TTU.MIGRATION), (v4_14, TTU.SPLIT_FREEZE)],
    ids=str,
)
def test_SPLIT_FREEZE_is_what_MIGRATION_was_to_a_freeze(kernel: Kernel, flag: TTU) -> None:
    flags = TTU.IGNORE_MLOCK | TTU.IGNORE_ACCESS | TTU.SPLIT_HUGE_PMD | TTU.RMAP_LOCKED
    with machine(kernel) as made:
        page = _huge_page(made)

        assert made.call(_unmap_with_rmap_locked, page, flags | flag)

        assert _types([pte_at(k) for k in range(4)]) == {SWP_MIGRATION_WRITE}
        assert mms[0].rss[MM_ANONPAGES] == 4
        assert [mem_map[k]._mapcount for k in range(4)] == [-1] * 4
        assert page._refcount == 1


def test_a_freeze_never_converts_a_PMD() -> None:
    with machine(v4_14) as made, pytest.raises(Violation, match="unexpected PMD-mapped THP"):
        made.call(_unmap, _huge_page(made), TTU.IGNORE_MLOCK | TTU.SPLIT_FREEZE)


def test_SPLIT_FREEZE_converts_what_PTEs_map() -> None:
    with machine(v4_14) as made:
        page = _huge_page(made)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)

        made.call(_unmap, page, TTU.IGNORE_MLOCK | TTU.IGNORE_ACCESS | TTU.SPLIT_FREEZE)

        assert _types([pte_at(k) for k in (0, 2, 3)]) == {SWP_MIGRATION_WRITE}
        assert (pte_at(1), page._refcount) == (0, 1)


def test_without_SPLIT_FREEZE_a_split_leaves_present_PTEs_to_the_walk() -> None:
    flags = TTU.SPLIT_HUGE_PMD
    with machine(v4_14) as made:
        page = _huge_page(made)

        assert not made.call(_unmap, page, flags)

        # the walk stopped at the first PTE: it has been used
        assert all(pte_present(pte_at(k)) for k in range(4))
        assert [pte_young(pte_at(k)) for k in range(4)] == [False, True, True, True]


def test_IGNORE_MLOCK_unmaps_what_is_locked_in_memory() -> None:
    with machine(v4_14) as made:
        page = _base_page(made, mmap_locked)

        assert not made.call(_unmap, page, MIGRATE & ~TTU.IGNORE_MLOCK)
        assert pte_present(pte_at())
        assert made.call(_unmap, page, MIGRATE)

        assert _types([pte_at()]) == {SWP_MIGRATION_WRITE}


def test_IGNORE_ACCESS_unmaps_what_was_used_lately() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)
        assert pte_young(pte_at())

        assert not made.call(_unmap, page, MIGRATE & ~TTU.IGNORE_ACCESS)
        assert pte_present(pte_at()) and not pte_young(pte_at())
        # not used since: now it goes
        assert made.call(_unmap, page, MIGRATE & ~TTU.IGNORE_ACCESS)

    with machine(v4_14) as made:
        assert made.call(_unmap, _base_page(made), MIGRATE)


def test_IGNORE_HWPOISON_treats_broken_memory_as_any() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)
        page.flags |= PG_hwpoison

        assert made.call(_unmap, page, MIGRATE)

        assert _types([pte_at()]) == {SWP_HWPOISON}
        assert mms[0].rss[MM_ANONPAGES] == 0
    with machine(v4_14) as made:
        page = _base_page(made)
        page.flags |= PG_hwpoison

        assert made.call(_unmap, page, MIGRATE | TTU.IGNORE_HWPOISON)

        assert _types([pte_at()]) == {SWP_MIGRATION_WRITE}
        assert mms[0].rss[MM_ANONPAGES] == 1


def test_BATCH_FLUSH_leaves_other_processors_translations_for_later() -> None:
    for flag, cached, pending in ((TTU(0), False, 0), (TTU.BATCH_FLUSH, True, 1)):
        with machine(v4_14) as made:
            page = _base_page(made)
            made.call(share_mm, 1)
            made.call(load, USER_BASE, task=1)

            assert made.call(_unmap, page, MIGRATE | flag)

            assert (cpus[1].small[0] != 0) is cached
            assert tasks[0].flush_required == mms[0].tlb_flush_batched == pending


def test_BATCH_FLUSH_is_for_other_processors_only() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)

        assert made.call(_unmap, page, MIGRATE | TTU.BATCH_FLUSH)

        assert (cpus[0].small[0], tasks[0].flush_required) == (0, 0)


def test_RMAP_LOCKED_is_for_callers_that_have_the_lock() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)

        assert made.call(_unmap_with_rmap_locked, page, MIGRATE | TTU.RMAP_LOCKED)
    with machine(v4_14) as made, pytest.raises(ModelError, match="blocks"):
        made.call(_unmap_with_rmap_locked, _base_page(made), MIGRATE)


@pytest.mark.parametrize(("map_", "marked"), [(mmap, 0), (mmap_locked, PG_mlocked)])
def test_MUNLOCK_only_marks_pages_of_locked_mappings(
    map_: Callable[[int, int], int], marked: int
) -> None:
    def munlock(page: Page) -> None:
        lock_page(page)
        isolate_lru_page(page)
        page.flags &= ~PG_mlocked
        try_to_munlock(page)
        unlock_page(page)
        putback_lru_page(page)

    with machine(v4_14) as made:
        page = _base_page(made, map_)
        before = pte_at()

        made.call(munlock, page)

        assert page.flags & PG_mlocked == marked
        assert (pte_at(), page._mapcount) == (before, 0)


def test_munlock_gives_a_page_up_that_nobody_else_locks() -> None:
    def munlock(page: Page) -> None:
        lock_page(page)
        munlock_vma_page(page)
        unlock_page(page)

    with machine(v4_14) as made:
        page = _base_page(made, mmap_locked)
        assert (page.flags & PG_mlocked, pgdat.stat[NR_MLOCK]) == (PG_mlocked, 1)
        # the child has the page, but not the lock on it
        made.call(fork, 1)

        made.call(munlock, page)

        # the parent's mapping is still VM_LOCKED
        assert (page.flags & PG_mlocked, pgdat.stat[NR_MLOCK]) == (PG_mlocked, 1)
        vmas[0].vm_flags = vmas[1].vm_flags
        made.call(munlock, page)
        assert (page.flags & PG_mlocked, pgdat.stat[NR_MLOCK]) == (0, 0)
        assert (page.flags & PG_lru, page._refcount) == (PG_lru, 2)


# ---------------------------------------------------------------------------- what all share


def test_every_mapping_of_a_shared_page_is_converted_and_read_only_ones_stay_so() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)
        made.call(fork, 1)

        assert made.call(_unmap, page, MIGRATE)

        assert _types([pte_at(mm=0), pte_at(mm=1)]) == {SWP_MIGRATION_READ}
        assert mms[0].rss[MM_ANONPAGES] == mms[1].rss[MM_ANONPAGES] == 1


def test_dirt_moves_from_the_PTE_to_the_page() -> None:
    with machine(v4_14) as made:
        page = _base_page(made)
        page.flags &= ~PG_dirty

        made.call(_unmap, page, MIGRATE)

        assert page.flags & PG_dirty


def test_a_page_of_no_known_kind_is_a_warning() -> None:
    with machine(v4_14) as made, pytest.raises(Violation, match="PageSwapBacked"):
        made.call(_unmap, _base_page(made), RECLAIM)
