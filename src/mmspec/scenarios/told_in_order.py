"""pagemap tells of two huge pages while the first is thrown away."""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import zap
from mmspec.scenarios.told import read_pagemap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.syscalls import boot, mmap, share_mm, store
from mmspec.spec.page.task_mmu import pagemap_read


def two() -> None:
    """Two huge pages, one behind the other, in a process of two threads."""
    boot()
    mmap(USER_BASE, 2 * HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    store(USER_BASE + HPAGE_PMD_SIZE, 2)
    share_mm(1)


def renew() -> None:
    """Throw the first huge page away, and get a new one."""
    zap()
    store(USER_BASE, 3)


SCENARIO = Scenario(
    name="told_in_order",
    title="pagemap tells of two huge pages while the first is thrown away",
    cases=crossed((two,), (zap, renew), (read_pagemap,)),
    rows=USUAL_ROWS,
    config=Config.of(
        order=1, pmds=2, frames=12, tasks=2, mms=1, vmas=1, anon_vmas=1, avcs=1, tables=3
    ),
    witnesses=(
        Witness("a huge PMD is zapped", zap_huge_pmd),
        Witness("pagemap is read", pagemap_read),
    ),
    explanation=__doc__,
)
