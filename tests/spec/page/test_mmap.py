"""What processes are left with when something runs out, and what is theirs from the start."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.mm_types import ENOMEM, NR_MLOCK, mem_map, pgdat
from mmspec.spec.page.page_flags import PG_head, PG_hwpoison, PG_mlocked, PG_unevictable
from mmspec.spec.page.syscalls import boot, exit_mm, fork, load, mmap, mmap_locked, store
from tests.spec.running import left_over, machine


@pytest.mark.parametrize(
    "short", [{"avcs": 1}, {"avcs": 2}, {"anon_vmas": 1}, {"mms": 1}, {"vmas": 1}, {"tables": 1}]
)
def test_a_fork_that_fails_leaves_nothing_behind(short: dict[str, int]) -> None:
    with machine(v4_14, **short) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 7)

        assert made.call(fork, 1) == -ENOMEM

        made.call(load, USER_BASE)
        made.call(exit_mm)
        assert left_over() == []


def test_a_page_of_a_locked_mapping_is_marked_when_it_is_faulted_in() -> None:
    with machine(v4_14) as made:
        made.call(boot)
        made.call(mmap_locked, USER_BASE, HPAGE_PMD_SIZE)

        assert mem_map[0].flags & (PG_mlocked | PG_unevictable) == PG_mlocked | PG_unevictable
        assert pgdat.stat[NR_MLOCK] == 4
        made.call(exit_mm)
        assert left_over() == []


def test_poison_stays_with_its_subpage() -> None:
    with machine(v4_14) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE + PAGE_SIZE, 7)
        mem_map[2].flags |= PG_hwpoison

        made.call(split_huge_pages_set)

        assert not mem_map[0].flags & PG_head
        assert [k for k in range(4) if mem_map[k].flags & PG_hwpoison] == [2]
