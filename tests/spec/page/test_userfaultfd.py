"""Pages that a process fills in by itself."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.changes import UFFD_FILL_WANTS_A_TABLE, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14, v4_14_fixed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.mm_types import EEXIST, MM_ANONPAGES, VM_UFFD_WP, mms
from mmspec.spec.page.syscalls import boot, exit_mm, load, mmap, store, uffd_copy, uffd_register
from tests.spec import programs
from tests.spec.running import by_cpython, config, left_over, machine, natively

FIXED = v4_14_fixed.with_(USERFAULTFD_WP, UFFD_FILL_WANTS_A_TABLE)


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
