"""What the oom reaper takes from a victim, and what the victim can still do."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.cpu import cpu_load
from mmspec.spec.page.mm_types import MM_ANONPAGES, mem_map, mms
from mmspec.spec.page.oom_kill import oom_reap_task
from mmspec.spec.page.syscalls import (
    boot,
    do_page_fault,
    exit_mm,
    mmap,
    mmap_locked,
    oom_kill,
    store,
)
from tests.spec.running import left_over, machine

KERNELS = pytest.mark.parametrize("kernel", [v4_13, v4_14, v4_14_fixed], ids=str)


@KERNELS
def test_a_victims_memory_is_free_before_it_has_exited(kernel: Kernel) -> None:
    with machine(kernel) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 1)
        made.call(oom_kill)

        made.call(lambda: oom_reap_task(mms[0]), task=1)

        assert all(mem_map[k].buddy for k in range(32))
        assert mms[0].rss[MM_ANONPAGES] == 0
        # nothing is mapped in its place: the thread is killed
        assert not made.call(cpu_load, USER_BASE)
        assert not made.call(do_page_fault, USER_BASE, 1)
        made.call(exit_mm)
        assert left_over() == []


@KERNELS
def test_a_victim_that_has_exited_is_left_alone(kernel: Kernel) -> None:
    with machine(kernel) as made:
        made.call(boot)
        made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, USER_BASE, 1)
        made.call(oom_kill)
        made.call(exit_mm)
        assert mms[0].mm_count == 1

        made.call(lambda: oom_reap_task(mms[0]), task=1)

        assert mms[0].mm_count == 0
        assert left_over() == []


def test_locked_memory_is_not_taken() -> None:
    with machine(v4_14) as made:
        made.call(boot)
        made.call(mmap_locked, USER_BASE, HPAGE_PMD_SIZE)
        made.call(oom_kill)

        made.call(lambda: oom_reap_task(mms[0]), task=1)

        assert mms[0].rss[MM_ANONPAGES] == 4
        made.call(exit_mm)
