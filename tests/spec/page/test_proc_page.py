"""What kpageflags and kpagecount tell of huge pages in every stage of their lives."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, NR_FRAMES, PAGE_SIZE, USER_BASE
from mmspec.spec.page import proc_page
from mmspec.spec.page.filemap import lock_page
from mmspec.spec.page.huge_memory import freeze_page, split_huge_pages_set
from mmspec.spec.page.mm import get_page
from mmspec.spec.page.mm_types import mem_map
from mmspec.spec.page.proc_page import kpagecount_read, kpageflags_read
from mmspec.spec.page.rmap import (
    TTU_IGNORE_ACCESS,
    TTU_MIGRATION,
    anon_vma_lock_write,
    page_anon_vma,
    try_to_unmap,
)
from mmspec.spec.page.swap import isolate_lru_page
from mmspec.spec.page.syscalls import boot, fork, madvise_dontneed, mmap, store
from tests.spec.running import Machine, machine

ORDERS = pytest.mark.parametrize("order", [2, 9])


def names(word: int) -> set[str]:
    """A word's bits by their names."""
    return {
        name.removeprefix("KPF_")
        for name, bit in vars(proc_page).items()
        if name.startswith("KPF_") and word & bit
    }


def flags(made: Machine, *pfns: int) -> list[set[str]]:
    return [names(made.call(kpageflags_read, pfn)) for pfn in pfns]


def huge(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)


HEAD = {"UPTODATE", "LRU", "MMAP", "ANON", "SWAPBACKED", "COMPOUND_HEAD", "THP"}
TAIL = {"MMAP", "ANON", "COMPOUND_TAIL", "THP"}


@ORDERS
def test_a_huge_page_at_rest(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        nr = 1 << order

        assert flags(made, 0, 1, nr - 1, nr) == [HEAD, TAIL, TAIL, {"BUDDY"}]
        assert [made.call(kpagecount_read, pfn) for pfn in (0, nr - 1, nr)] == [1, 1, 0]
        assert flags(made, NR_FRAMES) == [{"NOPAGE"}]


def test_the_bits_have_their_places() -> None:
    with machine(v4_14) as made:
        huge(made)

        assert made.call(kpageflags_read, 0) == 0x40D828
        assert made.call(kpageflags_read, 1) == 0x411800


@ORDERS
def test_a_huge_page_that_is_being_moved(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        made.call(isolate_lru_page, mem_map[0])
        made.call(lock_page, mem_map[0])
        made.call(try_to_unmap, mem_map[0], TTU_MIGRATION | TTU_IGNORE_ACCESS)

        head = HEAD - {"LRU", "MMAP"} | {"LOCKED", "DIRTY"}
        assert flags(made, 0, 1) == [head, TAIL - {"MMAP"}]
        assert made.call(kpagecount_read, 0) == 0


@ORDERS
def test_a_huge_page_that_is_being_split_and_its_pages_afterwards(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)

        def freeze() -> None:
            get_page(mem_map[0])
            lock_page(mem_map[0])
            anon_vma_lock_write(page_anon_vma(mem_map[0]))
            freeze_page(mem_map[0])

        made.call(freeze)

        assert flags(made, 0, 1) == [
            HEAD - {"MMAP"} | {"LOCKED", "DIRTY"},
            TAIL - {"MMAP"},
        ]

    with machine(v4_14, order) as made:
        huge(made)
        made.call(split_huge_pages_set)

        page = {"UPTODATE", "DIRTY", "LRU", "MMAP", "ANON", "SWAPBACKED"}
        assert flags(made, 0, 1, 3) == [page, page, page]
        assert [made.call(kpagecount_read, pfn) for pfn in (0, 3)] == [1, 1]


def test_a_huge_page_that_PMDs_and_PTEs_map() -> None:
    with machine(v4_14) as made:
        huge(made)
        made.call(fork, 1)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)

        assert flags(made, 0, 1, 2) == [HEAD | {"DIRTY"}, TAIL | {"PRIVATE_2"}, TAIL]
        assert [made.call(kpagecount_read, pfn) for pfn in range(4)] == [2, 1, 2, 2]
