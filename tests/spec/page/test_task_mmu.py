"""What pagemap and smaps tell, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.spec.machine.pgtable import SWP_MIGRATION_READ, SWP_MIGRATION_WRITE
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.filemap import lock_page
from mmspec.spec.page.huge_memory import freeze_page
from mmspec.spec.page.mm import get_page
from mmspec.spec.page.mm_types import MM_ANONPAGES, mem_map, mms
from mmspec.spec.page.rmap import (
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_MLOCK,
    TTU_MIGRATION,
    anon_vma_lock_write,
    page_anon_vma,
    try_to_unmap,
)
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    fork,
    load,
    madvise_dontneed,
    madvise_free,
    mmap,
    store,
)
from mmspec.spec.page.task_mmu import MemSizeStats, PagemapRead, pagemap_read, show_smap
from tests.spec.running import Machine, machine

ORDERS = pytest.mark.parametrize("order", [2, 9])
PRESENT, SWAP, EXCLUSIVE, SOFT_DIRTY = 1 << 63, 1 << 62, 1 << 56, 1 << 55


def huge(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 7)


def pagemap(made: Machine, start: int, nr: int, root: bool = True, mm: int = 0) -> list[int]:
    """The words of /proc/PID/pagemap."""

    def read() -> list[int]:
        pm = PagemapRead(start=start, show_pfn=int(root))
        pagemap_read(mms[mm], pm, nr)
        return [pm.buffer[k] | (PRESENT if pm.present[k] else 0) for k in range(pm.pos)]

    return made.call(read)


@dataclass(frozen=True)
class Smaps:
    """What /proc/PID/smaps says, in pages; pss in bytes."""

    resident: int = 0
    pss: int = 0
    shared_clean: int = 0
    shared_dirty: int = 0
    private_clean: int = 0
    private_dirty: int = 0
    referenced: int = 0
    anonymous: int = 0
    lazyfree: int = 0
    anonymous_thp: int = 0


def smaps(made: Machine, mm: int = 0) -> Smaps:
    """The sums over all VMAs of an address space."""

    def read() -> Smaps:
        mss = MemSizeStats()
        show_smap(mms[mm], mss)
        pages = [
            getattr(mss, name) // PAGE_SIZE
            for name in Smaps.__dataclass_fields__
            if name not in ("resident", "pss")
        ]
        return Smaps(mss.resident // PAGE_SIZE, mss.pss >> 12, *pages)

    return made.call(read)


def unmap_to_move(made: Machine) -> None:
    """The first part of a migration: the huge page is locked, and its mappings are entries."""
    made.call(get_page, mem_map[0])
    made.call(lock_page, mem_map[0])
    made.call(try_to_unmap, mem_map[0], TTU_MIGRATION | TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS)


def freeze(made: Machine) -> None:
    """The first part of a split: the same, in PTEs."""

    def freeze_it() -> None:
        get_page(mem_map[0])
        lock_page(mem_map[0])
        anon_vma_lock_write(page_anon_vma(mem_map[0]))
        freeze_page(mem_map[0])

    made.call(freeze_it)


# ------------------------------------------------------------------------------------- pagemap


@ORDERS
def test_pagemap_tells_the_frame_of_each_page_of_a_huge_page(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        flags = PRESENT | EXCLUSIVE | SOFT_DIRTY

        assert pagemap(made, USER_BASE, HPAGE_PMD_NR) == [flags | k for k in range(1 << order)]
        assert pagemap(made, USER_BASE + PAGE_SIZE, 2) == [flags | 1, flags | 2]
        assert pagemap(made, USER_BASE, 2, root=False) == [flags, flags]


def test_pagemap_tells_of_holes_and_of_what_is_not_there() -> None:
    with machine(v4_14, pmds=2) as made:
        made.call(boot)
        made.call(mmap, USER_BASE + 2 * PAGE_SIZE, PAGE_SIZE)
        made.call(store, USER_BASE + 2 * PAGE_SIZE, 1)
        made.call(mmap, USER_BASE + HPAGE_PMD_SIZE, HPAGE_PMD_SIZE)

        words = pagemap(made, USER_BASE, 8)

        assert words == [0, 0, PRESENT | EXCLUSIVE | SOFT_DIRTY, 0, 0, 0, 0, 0]


def test_pagemap_tells_what_is_mapped_more_than_once_and_what_was_stored_to() -> None:
    with machine(v4_14) as made:
        huge(made)
        made.call(fork, 1)
        assert pagemap(made, USER_BASE, 1) == [PRESENT | SOFT_DIRTY]

        made.call(clear_refs)
        made.call(store, USER_BASE, 8, task=1)

        assert pagemap(made, USER_BASE, 1) == [PRESENT | EXCLUSIVE]
        assert pagemap(made, USER_BASE, 2, mm=1) == [
            PRESENT | EXCLUSIVE | SOFT_DIRTY | 4,
            PRESENT | EXCLUSIVE | SOFT_DIRTY | 5,
        ]


@ORDERS
def test_pagemap_shows_the_migration_entry_of_a_huge_page_as_swap(order: int) -> None:
    with machine(v4_14_fixed, order) as made:
        huge(made)
        unmap_to_move(made)
        flags = SWAP | SOFT_DIRTY | SWP_MIGRATION_WRITE

        assert pagemap(made, USER_BASE, HPAGE_PMD_NR) == [flags | k << 5 for k in range(1 << order)]
        assert pagemap(made, USER_BASE + PAGE_SIZE, 1) == [flags | 1 << 5]


def test_pagemap_of_v4_14_takes_the_type_of_a_migration_entry_for_soft_dirty() -> None:
    with machine(v4_14, pmds=1) as made:
        huge(made)
        made.call(clear_refs)
        made.call(load, USER_BASE)
        unmap_to_move(made)

        # bit 11, of a present entry soft-dirty, is one of those of the type
        assert pagemap(made, USER_BASE, 1)[0] == SWAP | SOFT_DIRTY | SWP_MIGRATION_READ


@ORDERS
def test_pagemap_shows_the_migration_entries_of_base_pages(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        freeze(made)
        flags = SWAP | SOFT_DIRTY | SWP_MIGRATION_WRITE

        assert pagemap(made, USER_BASE, 4) == [flags | k << 5 for k in range(4)]


# --------------------------------------------------------------------------------------- smaps


@ORDERS
@pytest.mark.parametrize("kernel", [v4_13, v4_14, v4_14_fixed], ids=str)
def test_smaps_counts_a_huge_page(order: int, kernel: Kernel) -> None:
    with machine(kernel, order) as made:
        huge(made)
        nr = 1 << order

        assert smaps(made) == Smaps(
            resident=nr,
            pss=nr * PAGE_SIZE,
            private_dirty=nr,
            referenced=nr,
            anonymous=nr,
            anonymous_thp=nr,
        )


@ORDERS
def test_smaps_shares_among_those_who_map_a_page(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        made.call(fork, 1)
        made.call(fork, 2)
        nr = 1 << order

        told = smaps(made, mm=1)

        assert told == Smaps(
            resident=nr,
            pss=(nr * (PAGE_SIZE * 4096 // 3)) >> 12,
            shared_dirty=nr,
            anonymous=nr,
            anonymous_thp=nr,
        )


@ORDERS
def test_smaps_counts_what_PTEs_map_of_a_huge_page(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)
        made.call(fork, 1)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        nr = 1 << order

        parent, child = smaps(made), smaps(made, mm=1)

        assert (parent.resident, parent.anonymous_thp) == (nr - 1, 0)
        assert (parent.shared_dirty, parent.private_dirty) == (nr - 1, 0)
        assert (child.resident, child.anonymous_thp) == (nr, nr)
        assert (child.shared_dirty, child.private_dirty) == (nr - 1, 1)
        assert parent.pss + child.pss == nr * PAGE_SIZE


def test_smaps_tells_what_need_not_be_kept() -> None:
    with machine(v4_14) as made:
        huge(made)
        made.call(madvise_free, USER_BASE, HPAGE_PMD_SIZE)

        assert smaps(made) == Smaps(
            resident=4, pss=4 * PAGE_SIZE, private_clean=4, anonymous=4, lazyfree=4, anonymous_thp=4
        )


@ORDERS
def test_smaps_misses_a_huge_page_that_is_being_moved_until_v5_8(order: int) -> None:
    with machine(v4_14_fixed, order) as made:
        huge(made)
        unmap_to_move(made)
        nr = 1 << order

        assert smaps(made) == Smaps(
            resident=nr, pss=nr * PAGE_SIZE, private_dirty=nr, anonymous=nr, anonymous_thp=nr
        )
        assert mms[0].rss[MM_ANONPAGES] == nr


@pytest.mark.parametrize("kernel", [v4_14, v4_14_fixed], ids=str)
def test_smaps_counts_a_huge_page_that_is_being_split(kernel: Kernel) -> None:
    with machine(kernel) as made:
        huge(made)
        freeze(made)

        assert smaps(made) == Smaps(
            resident=4, pss=4 * PAGE_SIZE, private_dirty=4, anonymous=4, anonymous_thp=0
        )
