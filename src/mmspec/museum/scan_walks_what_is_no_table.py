"""The NUMA scanner walks a page table that is none.

It had seen a huge PMD, and when it looked again that was none: MADV_DONTNEED, with mmap_sem for
reading too, had thrown the page away. What is not huge any more was taken for a page table.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PROTECTING_LOOKS_AGAIN,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd
from mmspec.spec.page.mprotect import change_pmd_range

BUG = Bug(
    fixed=PROTECTING_LOOKS_AGAIN,
    kernel=v4_10_fixed,
    scenario=SCENARIO,
    cases=("huge/zap/scan",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "scan: change_pmd_range: reads val",
        "zap: zap_huge_pmd",
        "scan: change_pte_range",
    ),
    steps=11,
    states=78,
    exhausted=412,
    reached=(
        change_huge_pmd,
        change_pmd_range,
    ),
)
