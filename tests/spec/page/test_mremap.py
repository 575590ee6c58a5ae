"""What mremap(2) moves, how, and what it leaves behind; what zapping flushes."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.changes import MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.spec.machine.pgtable import pmd_none, pmd_trans_huge, pte_present, pte_soft_dirty
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm import page_to_nid
from mmspec.spec.page.mm_types import EFAULT, EINVAL, ENOMEM, cpus, mem_map, mms, page_tables
from mmspec.spec.page.page_flags import PG_head
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    exit_mm,
    fork,
    load,
    madvise_dontneed,
    migrate_pages,
    mmap,
    mmap_nohugepage,
    mremap,
    munmap,
    store,
)
from tests.spec.running import Machine, left_over, machine

MOVES_TABLES = v4_14_fixed.with_(MREMAP_MOVES_TABLES, MREMAP_TABLES_UNDER_RMAP_LOCK)
KERNELS = pytest.mark.parametrize("kernel", [v4_13, v4_14, v4_14_fixed, MOVES_TABLES], ids=str)

#: Every kernel with small huge pages, one with huge pages of 512.
SIZES = [*((kernel, 2) for kernel in (v4_13, v4_14, v4_14_fixed, MOVES_TABLES)), (v4_14, 9)]


def _mapped(made: Machine, huge: bool = True) -> None:
    """A PMD's worth of memory, stored to at both ends."""
    made.call(boot)
    made.call(mmap if huge else mmap_nohugepage, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)
    made.call(store, USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, 8)


def _pmd(k: int) -> int:
    return mms[0].pgd.pmd[k].val


def _is_there(made: Machine, address: int) -> None:
    """Loads see to it that they find what was stored."""
    made.call(load, address)
    made.call(load, address + HPAGE_PMD_SIZE - PAGE_SIZE)
    assert mms[0].last_store[(address - USER_BASE) // PAGE_SIZE] == 7


@pytest.mark.parametrize(("kernel", "order"), SIZES)
def test_a_huge_page_moves_whole_and_can_come_back(kernel: Kernel, order: int) -> None:
    with machine(kernel, order, pmds=2, frames=2 << order) as made:
        _mapped(made)
        made.call(clear_refs)
        assert not pte_soft_dirty(_pmd(0))

        assert made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, USER_BASE + HPAGE_PMD_SIZE) == 0

        assert pmd_none(_pmd(0)) and pmd_trans_huge(_pmd(1))
        assert pte_soft_dirty(_pmd(1))
        assert not any(cpus[0].huge[k] or cpus[0].small[k] for k in range(2))
        _is_there(made, USER_BASE + HPAGE_PMD_SIZE)
        assert made.call(mremap, USER_BASE + HPAGE_PMD_SIZE, HPAGE_PMD_SIZE, USER_BASE) == 0
        _is_there(made, USER_BASE)
        made.call(exit_mm)
        assert left_over() == []


@pytest.mark.parametrize(("kernel", "order"), [*SIZES[:-1], (v4_14, 5)])
def test_moved_by_a_page_it_is_mapped_by_two_tables_and_still_found(
    kernel: Kernel, order: int
) -> None:
    with machine(kernel, order, pmds=3, frames=8 << order) as made:
        _mapped(made)
        askew = USER_BASE + HPAGE_PMD_SIZE + PAGE_SIZE
        page = mem_map[0]

        assert made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, askew) == 0

        first, second = pmd_table(_pmd(1)), pmd_table(_pmd(2))
        nr = 1 << order
        present = [pte_present(first.pte[k].val) for k in range(nr)]
        assert present == [False] + [True] * (nr - 1)
        assert [k for k in range(nr) if pte_present(second.pte[k].val)] == [0]
        assert page.flags & PG_head
        _is_there(made, askew)
        # by the reverse map: each of its subpages is found in one table or the other
        made.call(split_huge_pages_set)
        assert not page.flags & PG_head
        assert made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL) == 0
        assert page_to_nid(mem_map[first.pte[1].val >> 12]) == 1
        _is_there(made, askew)
        made.call(exit_mm)
        assert left_over() == []


@KERNELS
def test_base_pages_move_and_their_table_is_freed(kernel: Kernel) -> None:
    with machine(kernel, pmds=2) as made:
        _mapped(made, huge=False)
        table = pmd_table(_pmd(0))

        made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, USER_BASE + HPAGE_PMD_SIZE)

        assert pmd_none(_pmd(0))
        moved = kernel is MOVES_TABLES
        assert (pmd_table(_pmd(1)) is table, sum(page_tables[k].live for k in range(6))) == (
            moved,
            1,
        )
        _is_there(made, USER_BASE + HPAGE_PMD_SIZE)


@KERNELS
def test_parent_and_child_find_their_own_after_one_has_moved(kernel: Kernel) -> None:
    with machine(kernel, pmds=2, frames=48) as made:
        _mapped(made)
        made.call(fork, 1)

        made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, USER_BASE + HPAGE_PMD_SIZE)
        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL, task=1)
        made.call(store, USER_BASE, 9, task=1)

        _is_there(made, USER_BASE + HPAGE_PMD_SIZE)
        made.call(load, USER_BASE, task=1)
        made.call(exit_mm)
        made.call(exit_mm, task=1)
        assert left_over() == []


@KERNELS
def test_without_a_table_for_the_new_place_everything_stays(kernel: Kernel) -> None:
    with machine(kernel, pmds=3, tables=2) as made:
        _mapped(made)
        askew = USER_BASE + HPAGE_PMD_SIZE + PAGE_SIZE

        # a table for the first part is left, and none for the second
        assert made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, askew) == -ENOMEM

        _is_there(made, USER_BASE)
        assert pmd_none(_pmd(1)) and pmd_none(_pmd(2))
        made.call(exit_mm)
        assert left_over() == []


def test_what_cannot_be_moved_stays() -> None:
    with machine(v4_14, pmds=2) as made:
        _mapped(made)

        assert made.call(mremap, USER_BASE, HPAGE_PMD_SIZE, USER_BASE + PAGE_SIZE) == -EINVAL
        assert made.call(mremap, USER_BASE, PAGE_SIZE, USER_BASE + HPAGE_PMD_SIZE) == -EFAULT

        _is_there(made, USER_BASE)


def test_a_page_table_that_two_mappings_share_goes_with_the_last() -> None:
    with machine(v4_14) as made:
        made.call(boot)
        for k in range(3):
            made.call(mmap, USER_BASE + k * PAGE_SIZE, PAGE_SIZE)
            made.call(store, USER_BASE + k * PAGE_SIZE, k + 1)

        made.call(munmap, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        made.call(munmap, USER_BASE, PAGE_SIZE)

        assert not pmd_none(_pmd(0))
        made.call(load, USER_BASE + 2 * PAGE_SIZE)
        made.call(munmap, USER_BASE + 2 * PAGE_SIZE, PAGE_SIZE)
        assert pmd_none(_pmd(0))
        made.call(exit_mm)
        assert left_over() == []


@pytest.mark.parametrize("batch", [1, 2, 3, 0])
def test_batches_of_any_size_zap_everything(batch: int) -> None:
    with machine(v4_14_fixed, mmu_batch=batch) as made:
        _mapped(made, huge=False)
        for k in range(4):
            made.call(store, USER_BASE + k * PAGE_SIZE, k + 1)

        made.call(madvise_dontneed, USER_BASE, 3 * PAGE_SIZE)

        table = pmd_table(_pmd(0))
        assert [pte_present(table.pte[k].val) for k in range(4)] == [False] * 3 + [True]
        # only what was zapped has been flushed
        assert [bool(cpus[0].small[k]) for k in range(4)] == [False] * 3 + [True]
        assert mms[0].tlb_flush_pending == 0
        made.call(load, USER_BASE + 3 * PAGE_SIZE)
        made.call(exit_mm)
        assert left_over() == []
