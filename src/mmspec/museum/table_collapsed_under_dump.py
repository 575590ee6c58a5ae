"""khugepaged collapses the memory of a process that dumps core.

Who dumps core has stopped all others, and goes over page tables without mmap_sem. khugepaged is
none of those others: with mmap_sem it made a PMD none, and moved the pages elsewhere. Where the
dump looked meanwhile there was nothing to be written.
"""

from __future__ import annotations

from mmspec.kernels.changes import COLLAPSE_LEAVES_DUMPED_MM_ALONE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.collapsed import SCENARIO
from mmspec.spec.page.coredump import elf_core_dump
from mmspec.spec.page.khugepaged import __collapse_huge_page_copy

BUG = Bug(
    fixed=COLLAPSE_LEAVES_DUMPED_MM_ALONE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("scattered/dump/collapse",),
    violates=no_store_is_lost,
    key_steps=(
        "dump: coredump_wait: writes core_state",
        "collapse: pmdp_collapse_flush: writes val",
        "dump: elf_core_dump",
    ),
    steps=53,
    states=1_091,
    exhausted=2_200,
    reached=(elf_core_dump, __collapse_huge_page_copy),
)
