"""What can be done with memory whose protection was changed."""

from __future__ import annotations

import pytest

from mmspec.kernels.releases import v4_14, v4_14_fixed
from mmspec.properties.marks import no_processor_can_store_where_the_VMA_forbids_it
from mmspec.spec.machine.pgtable import _PAGE_RW, pmd_trans_huge, pte_protnone
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.mm_types import ENOMEM, VM_READ, VM_WRITE, cpus, mem_map, mms, vmas
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    load,
    madvise_dontneed,
    mmap,
    mprotect,
    store,
)
from tests.spec.running import Machine, left_over, machine


def huge(made: Machine) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, USER_BASE, 1)


@pytest.mark.parametrize("order", [2, 9])
def test_a_store_is_refused_until_it_is_permitted_again(order: int) -> None:
    with machine(v4_14, order) as made:
        huge(made)

        assert made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, VM_READ) == 0
        made.call(store, USER_BASE, 2)
        made.call(load, USER_BASE)
        assert mem_map[0].data == 1
        assert made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, VM_READ | VM_WRITE) == 0
        made.call(store, USER_BASE, 3)

        assert mem_map[0].data == 3
        assert pmd_trans_huge(mms[0].pgd.pmd[0].val)
        assert mms[0].tlb_flush_pending == 0
        made.call(exit_mm)
        assert left_over() == []


def test_where_nothing_is_permitted_pages_stay_and_are_not_accessed() -> None:
    with machine(v4_14) as made:
        huge(made)
        made.call(madvise_dontneed, USER_BASE + PAGE_SIZE, PAGE_SIZE)

        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, 0)
        made.call(load, USER_BASE)

        table = pmd_table(mms[0].pgd.pmd[0].val)
        assert [pte_protnone(table.pte[i].val) for i in range(4)] == [True, False, True, True]
        assert cpus[0].small[0] == 0
        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, VM_READ)
        made.call(load, USER_BASE)
        made.call(load, USER_BASE + PAGE_SIZE)
        made.call(exit_mm)
        assert left_over() == []


def test_what_is_not_mapped_cannot_be_protected() -> None:
    with machine(v4_14, pmds=2) as made:
        huge(made)

        assert made.call(mprotect, USER_BASE, 2 * HPAGE_PMD_SIZE, VM_READ) == -ENOMEM
        assert vmas[0].vm_flags & VM_WRITE == 0


def test_a_writable_translation_that_was_not_flushed_is_noticed() -> None:
    holds = no_processor_can_store_where_the_VMA_forbids_it.holds
    assert holds is not None
    with machine(v4_14_fixed) as made:
        huge(made)
        cached = cpus[0].huge[0]
        assert cached & _PAGE_RW and holds()

        made.call(mprotect, USER_BASE, HPAGE_PMD_SIZE, VM_READ)
        assert holds()
        cpus[0].huge[0] = cached
        assert not holds()
        cpus[0].huge[0] = 0
        mms[0].pgd.pmd[0].val |= _PAGE_RW
        assert not holds()
        mms[0].mmap_sem.writer = 1
        assert holds()
