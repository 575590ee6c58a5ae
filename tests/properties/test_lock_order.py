"""Locks are taken in the documented order, on every path that the scenarios execute."""

from __future__ import annotations

import functools

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.properties.lock_order import ORDER, Taken, watch
from tests.properties.executing import cases, execute, world_of
from tests.spec_mutants import Mutant, installed

KERNELS = {"v4.13": v4_13, "v4.14": v4_14, "v4.14 fixed": v4_14_fixed}
SEEDS = (0, 1)

SWAPPED = Mutant(
    "split_huge_page_to_list",
    "        spin_lock(pgdat.lru_lock)\n"
    "        # deferred_split_scan() must not take a reference\n"
    "        spin_lock(pgdat.split_queue_lock)\n",
    "        spin_lock(pgdat.split_queue_lock)\n        spin_lock(pgdat.lru_lock)\n",
    "takes two locks in the other order",
)


def taken_on(kernel: Kernel, part: str = "") -> set[Taken]:
    """What is taken while something is held, in cases with a part of their name."""
    found: set[Taken] = set()
    for scenario, case in cases(kernel):
        if part in case.name:
            for seed in SEEDS:
                with world_of(scenario, case, kernel) as world:
                    taken = watch(world)
                    execute(world, case, seed)
                    found |= taken
    return found


@functools.cache
def taken(kernel: str) -> set[Taken]:
    return taken_on(KERNELS[kernel])


@pytest.mark.parametrize("kernel", KERNELS)
def test_locks_are_taken_in_the_documented_order(kernel: str) -> None:
    assert [str(one) for one in taken(kernel) if not one.is_in_order] == []


def test_every_lock_of_the_order_is_taken_while_another_is_held() -> None:
    held = {one.held for one in taken("v4.14 fixed")}
    asked = {one.lock for one in taken("v4.14 fixed")}
    names = {name for names in ORDER for name in names}

    # the first one is taken with nothing held
    assert names - asked <= {"RcuReaders", "Ksm.thread_mutex"}
    assert {"Mm.mmap_sem", "Page", "AnonVma.rwsem", "PageTable.ptl", "Pglist.lru_lock"} <= held


def test_two_locks_in_the_other_order_are_noticed() -> None:
    with installed([SWAPPED]) as changes:
        found = taken_on(v4_14_fixed.with_(*changes), "huge/split")

    assert {str(one) for one in found if not one.is_in_order} == {
        "split_huge_page_to_list() takes Pglist.lru_lock while it holds Pglist.split_queue_lock"
    }
