"""What system calls that migrate pages do, and what they say they have done."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_10, v4_13, v4_14, v4_14_fixed
from mmspec.spec.machine.pgtable import pmd_trans_huge, pte_pfn
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import deferred_split_scan
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE, MPOL_MF_MOVE_ALL
from mmspec.spec.page.migrate import PageToNode, do_move_page_to_node_array
from mmspec.spec.page.mm import page_to_nid
from mmspec.spec.page.mm_types import (
    EACCES,
    EAGAIN,
    EBUSY,
    EFAULT,
    ENOENT,
    ENOMEM,
    NR_ISOLATED_ANON,
    PageTable,
    mem_map,
    mms,
    pgdat,
)
from mmspec.spec.page.page_flags import PG_head, PG_lru
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    load,
    madvise_dontneed,
    mbind,
    migrate_pages,
    mmap,
    store,
)
from tests.spec.running import Machine, machine

KERNELS = pytest.mark.parametrize("kernel", [v4_10, v4_13, v4_14], ids=str)


def _huge_page(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)


def _table() -> PageTable:
    return pmd_table(mms[0].pgd.pmd[0].val)


def _nodes() -> list[int]:
    """The nodes that the first huge page's worth of user memory is on."""
    pmd = mms[0].pgd.pmd[0].val
    if pmd_trans_huge(pmd):
        return [page_to_nid(mem_map[pte_pfn(pmd)])] * 4
    return [page_to_nid(mem_map[pte_pfn(_table().pte[k].val)]) for k in range(4)]


def _is_huge() -> bool:
    return pmd_trans_huge(mms[0].pgd.pmd[0].val)


def _move(
    made: Machine, addresses: list[int], node: int = 1, everything: bool = True, ret: int = 0
) -> list[int]:
    """move_pages(2), which is to return `ret`: the statuses."""

    def move() -> list[int]:
        pm = PageToNode(nr=len(addresses))
        for k, address in enumerate(addresses):
            pm.addr[k], pm.node[k] = address, node
        assert do_move_page_to_node_array(mms[0], pm, everything) == ret
        return [pm.status[k] for k in range(len(addresses))]

    return made.call(move)


# --------------------------------------------------------------------------------- move_pages(2)


def test_move_pages_moves_a_huge_page_whole_and_is_busy_with_its_other_addresses() -> None:
    with machine(v4_14) as made:
        _huge_page(made)

        statuses = _move(made, [USER_BASE, USER_BASE + PAGE_SIZE])

        assert statuses == [1, -EBUSY]
        assert (_is_huge(), _nodes()) == (True, [1] * 4)


@pytest.mark.parametrize("kernel", [v4_10, v4_13], ids=str)
def test_move_pages_split_a_huge_page_before(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)

        statuses = _move(made, [USER_BASE, USER_BASE + PAGE_SIZE])

        assert statuses == [1, 1]
        assert (_is_huge(), _nodes()) == (False, [1, 1, 0, 0])


@KERNELS
def test_move_pages_says_what_it_did_not_move(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        last = USER_BASE + 3 * PAGE_SIZE

        assert _move(made, [USER_BASE + PAGE_SIZE], 1) == [-ENOENT]
        assert _move(made, [last + PAGE_SIZE], 1) == [-EFAULT]
        assert _move(made, [last], 0) == [0]
        made.call(fork, 1)
        assert _move(made, [USER_BASE], 1, everything=False) == [-EACCES]
        assert _move(made, [USER_BASE], 1) == [1]

        assert pgdat.stat[NR_ISOLATED_ANON] == 0


@KERNELS
def test_data_moves_along(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)
        made.call(fork, 1)

        _move(made, [USER_BASE])

        # a load sees to it that it finds what was stored
        made.call(load, USER_BASE)
        made.call(load, USER_BASE, task=1)
        made.call(load, USER_BASE + PAGE_SIZE, task=1)


def _full(node: int, but: int = 0) -> None:
    """Memory of a node is in use, but for the last frames of each huge page's worth."""
    first = node * len(mem_map) // 2
    for k in range(len(mem_map) // 2):
        if k % 4 < 4 - but:
            mem_map[first + k].buddy = 0


def test_move_pages_says_that_a_page_was_busy_all_the_time() -> None:
    with machine(v4_14) as made:
        _huge_page(made)
        mem_map[0]._refcount += 1

        assert _move(made, [USER_BASE], ret=1) == [-EAGAIN]

        assert (_is_huge(), _nodes()) == (True, [0] * 4)
        assert pgdat.stat[NR_ISOLATED_ANON] == 0


def test_move_pages_ends_where_there_is_no_memory() -> None:
    with machine(v4_14) as made:
        _huge_page(made)
        _full(1)

        # isolated, and put back: what is said is how isolating it went
        assert _move(made, [USER_BASE], ret=-ENOMEM) == [0]

        assert (_is_huge(), _nodes()) == (True, [0] * 4)
        assert (mem_map[0].flags & PG_lru, pgdat.stat[NR_ISOLATED_ANON]) == (PG_lru, 0)


def test_where_there_is_no_huge_page_base_pages_do_since_v4_17() -> None:
    with machine(v4_14_fixed) as made:
        _huge_page(made)
        _full(1, but=2)

        assert made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL) == 0

        assert (_is_huge(), _nodes()) == (False, [1] * 4)
        assert pgdat.stat[NR_ISOLATED_ANON] == 0
        made.call(load, USER_BASE)
        made.call(load, USER_BASE + PAGE_SIZE)


def test_where_there_is_not_enough_room_the_rest_stays() -> None:
    with machine(v4_14_fixed) as made:
        _huge_page(made)
        _full(1)
        for k in range(3):
            mem_map[16 + k].buddy = 1

        assert made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL) == -ENOMEM

        assert (_is_huge(), sorted(_nodes())) == (False, [0, 1, 1, 1])
        assert pgdat.stat[NR_ISOLATED_ANON] == 0
        assert [mem_map[k].flags & PG_lru for k in range(4)].count(PG_lru) == 1


# ------------------------------------------------------------------ mbind(2) and migrate_pages(2)


@KERNELS
def test_mbind_moves_what_the_caller_alone_maps(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)

        assert made.call(mbind, USER_BASE, HPAGE_PMD_SIZE, 2, MPOL_MF_MOVE) == 0

        assert (_is_huge(), _nodes()) == (kernel is v4_14, [1] * 4)


@KERNELS
def test_mbind_leaves_shared_pages_unless_told_to_move_all(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)
        made.call(fork, 1)

        made.call(mbind, USER_BASE, HPAGE_PMD_SIZE, 2, MPOL_MF_MOVE)
        assert _nodes() == [0] * 4
        made.call(mbind, USER_BASE, HPAGE_PMD_SIZE, 2, MPOL_MF_MOVE_ALL)

        assert _nodes() == [1] * 4


@KERNELS
def test_migrate_pages_moves_from_one_node_to_another(kernel: Kernel) -> None:
    with machine(kernel) as made:
        _huge_page(made)

        assert made.call(migrate_pages, 1, 0, MPOL_MF_MOVE_ALL) == 0
        assert (_is_huge(), _nodes()) == (True, [0] * 4) or kernel is not v4_14
        assert made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL) == 0

        assert (_is_huge(), _nodes()) == (kernel is v4_14, [1] * 4)
        assert pgdat.stat[NR_ISOLATED_ANON] == 0


def test_an_extra_reference_makes_migration_fail_and_leaves_the_huge_page_mapped() -> None:
    with machine(v4_14) as made:
        _huge_page(made)
        mem_map[0]._refcount += 1

        assert made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL) == 1

        assert (_is_huge(), _nodes()) == (True, [0] * 4)
        assert (mem_map[0]._refcount, mem_map[0].flags & PG_lru) == (2, PG_lru)


def test_an_extra_reference_makes_a_split_fail_and_leaves_the_page_mapped_by_PTEs() -> None:
    with machine(v4_14) as made:
        _huge_page(made)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        mem_map[0]._refcount += 1

        made.call(deferred_split_scan)

        assert mem_map[0].flags & PG_head
        assert [mem_map[k]._mapcount for k in range(4)] == [0, -1, 0, 0]
        # it stays queued, and is split when the reference has gone
        assert pgdat.split_queue_len == 1
        mem_map[0]._refcount -= 1
        made.call(deferred_split_scan)
        assert (mem_map[0].flags & PG_head, pgdat.split_queue_len) == (0, 0)
