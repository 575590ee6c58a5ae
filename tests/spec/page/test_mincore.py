"""What mincore(2) says of every kind of entry."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14
from mmspec.spec.machine.pgtable import SWP_HWPOISON, swp_entry, swp_entry_to_pte
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.filemap import lock_page
from mmspec.spec.page.mincore import Mincore, do_mincore
from mmspec.spec.page.mm import get_page
from mmspec.spec.page.mm_types import ENOMEM, mem_map, mms
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.rmap import TTU_IGNORE_ACCESS, TTU_MIGRATION, try_to_unmap
from mmspec.spec.page.syscalls import boot, madvise_dontneed, mmap, store
from tests.spec.running import Machine, machine


def ask(made: Machine, start: int, nr: int) -> tuple[int, list[int]]:
    """The result, and the bytes."""

    def mincore() -> tuple[int, list[int]]:
        told = Mincore()
        ret = do_mincore(mms[0], start, nr, told)
        return ret, [told.vec[k] for k in range(told.nr)]

    return made.call(mincore)


@pytest.mark.parametrize("order", [2, 9])
def test_a_huge_page_is_in_memory_also_while_it_is_moved(order: int) -> None:
    with machine(v4_14, order) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        nr = 1 << order
        assert ask(made, USER_BASE, nr) == (0, [0] * nr)
        made.call(store, USER_BASE, 7)
        assert ask(made, USER_BASE, nr) == (0, [1] * nr)

        made.call(get_page, mem_map[0])
        made.call(lock_page, mem_map[0])
        made.call(try_to_unmap, mem_map[0], TTU_MIGRATION | TTU_IGNORE_ACCESS)

        assert ask(made, USER_BASE + PAGE_SIZE, 2) == (0, [1, 1])


def test_of_base_pages_each_has_a_byte() -> None:
    with machine(v4_14, swap_slots=2) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 7)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)
        table = pmd_table(mms[0].pgd.pmd[0].val)
        table.pte[2].val = swp_entry_to_pte(swp_entry(0, 1))
        table.pte[3].val = swp_entry_to_pte(swp_entry(SWP_HWPOISON, 3))

        assert ask(made, USER_BASE, 4) == (0, [1, 0, 0, 1])


def test_what_is_not_mapped_is_an_error() -> None:
    with machine(v4_14, pmds=2) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)

        assert ask(made, USER_BASE, 8) == (-ENOMEM, [0] * 4)
