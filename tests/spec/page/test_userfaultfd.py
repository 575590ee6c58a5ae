"""Pages that a process fills in by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.changes import (
    UFFD_FILL_WANTS_A_TABLE,
    UFFD_WP_OVER_THP_MIGRATION,
    USERFAULTFD_WP,
)
from mmspec.kernels.releases import v4_14, v4_14_fixed
from mmspec.spec.machine.pgtable import pmd_trans_huge, pte_uffd_wp, pte_write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mm_types import EEXIST, MM_ANONPAGES, VM_UFFD_WP, mms
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    load,
    madvise_dontneed,
    migrate_pages,
    mmap,
    store,
    uffd_copy,
    uffd_register,
    uffd_writeprotect,
)
from tests.spec import programs
from tests.spec.running import by_cpython, config, left_over, machine, natively

FIXED = v4_14_fixed.with_(USERFAULTFD_WP, UFFD_FILL_WANTS_A_TABLE, UFFD_WP_OVER_THP_MIGRATION)


@pytest.mark.parametrize("kernel", [v4_14, FIXED], ids=str)
def test_what_is_there_is_not_filled_in(kernel: Kernel) -> None:
    with machine(kernel, userfaultfds=1) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(uffd_register, USER_BASE, VM_UFFD_WP)

        assert made.call(uffd_copy, USER_BASE, 5) == 0
        assert made.call(uffd_copy, USER_BASE, 6) == -EEXIST

        made.call(load, USER_BASE)
        assert mms[0].rss[MM_ANONPAGES] == 1
        made.call(exit_mm)
        assert left_over() == []


@pytest.mark.parametrize("kernel", [v4_14, FIXED], ids=str)
def test_a_huge_page_is_not_filled_in(kernel: Kernel) -> None:
    with machine(kernel, userfaultfds=1) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(uffd_register, USER_BASE, VM_UFFD_WP)
        made.call(store, USER_BASE, 1)

        assert made.call(uffd_copy, USER_BASE + PAGE_SIZE, 5) == -EEXIST


@pytest.mark.parametrize(("order", "frames"), [(2, 32), (9, 4096)])
def test_filling_in_is_the_same_natively(order: int, frames: int) -> None:
    phases = ((0, programs.fills), (0, programs.migrates), (0, programs.exits))
    sizes = config(order, frames=frames, userfaultfds=1)

    memory, left = by_cpython(phases, FIXED, sizes)

    assert memory == natively(phases, FIXED, sizes)
    assert left == []


def _protected() -> list[bool]:
    """Which user pages are write-protected by the userfaultfd, and not writable."""
    pmd = mms[0].pgd.pmd[0].val
    if pmd_trans_huge(pmd):
        return [pte_uffd_wp(pmd) and not pte_write(pmd)] * 4
    ptes = [pmd_table(pmd).pte[k].val for k in range(4)]
    return [pte_uffd_wp(pte) and not pte_write(pte) for pte in ptes]


@pytest.mark.parametrize(
    ("change", "arguments", "left"),
    [
        (migrate_pages, (0, 1, MPOL_MF_MOVE_ALL), [True] * 4),
        (split_huge_pages_set, (), [True] * 4),
        (madvise_dontneed, (USER_BASE + PAGE_SIZE, PAGE_SIZE), [True, False, True, True]),
        (uffd_writeprotect, (USER_BASE, 2 * PAGE_SIZE, False), [False, False, True, True]),
        (fork, (1,), [True] * 4),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_protected_stays_so(
    change: Callable[..., object], arguments: tuple[int, ...], left: list[bool]
) -> None:
    with machine(FIXED, userfaultfds=1) as made:
        made.call(programs.huge_page)
        made.call(programs.protects)
        assert _protected() == [True] * 4

        made.call(change, *arguments)

        assert _protected() == left


def test_without_the_fix_a_moved_huge_page_is_not_protected() -> None:
    with machine(FIXED.without(UFFD_WP_OVER_THP_MIGRATION), userfaultfds=1) as made:
        made.call(programs.huge_page)
        made.call(programs.protects)

        made.call(migrate_pages, 0, 1, MPOL_MF_MOVE_ALL)

        assert _protected() == [False] * 4


@pytest.mark.parametrize(("order", "frames"), [(2, 32), (9, 4096)])
def test_protecting_is_the_same_natively(order: int, frames: int) -> None:
    phases = (
        (0, programs.huge_page),
        (0, programs.protects),
        (0, programs.migrates),
        (0, programs.splits),
        (0, programs.exits),
        (1, programs.exits),
    )
    sizes = config(order, frames=frames, userfaultfds=1)

    memory, left = by_cpython(phases, FIXED, sizes)

    assert memory == natively(phases, FIXED, sizes)
    assert left == []
