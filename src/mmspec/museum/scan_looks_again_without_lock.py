"""The NUMA scanner no longer takes the PMD's lock to see whether there is a page table.

Not a fault, as far as this specification goes: one read tells as much. The lock was taken again and
again for nothing.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd
from mmspec.spec.page.mprotect import change_pmd_range

_KERNEL = v4_10_fixed.with_(PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK)

BUG = Bug(
    fixed=PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK,
    kernel=_KERNEL,
    scenario=SCENARIO,
    cases=(
        "huge/zap/scan",
        "untouched/write/scan",
    ),
    violates=the_kernel_does_not_oops,
    key_steps=(),
    steps=0,
    states=732,
    exhausted=732,
    reached=(
        change_huge_pmd,
        change_pmd_range,
    ),
    not_here=(
        "It was right with the lock: with mmap_sem for reading, a table that is there stays "
        "there. The commit saves a lock."
    ),
)
