"""The NUMA scanner takes a huge page that has just been faulted in for a bad PMD.

It asked first whether the PMD was huge, and then, with another look, whether it was none or bad. A
fault mapped a huge page between the two: neither none nor a page table. It was cleared as a bad
entry.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_HINTS_SPARE_HUGE_PMDS,
    PROTECTING_DECIDES_BY_ONE_READ,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.mprotect import change_pmd_range

BUG = Bug(
    fixed=NUMA_HINTS_SPARE_HUGE_PMDS,
    kernel=v4_14_fixed.without(PROTECTING_DECIDES_BY_ONE_READ),
    scenario=SCENARIO,
    cases=("untouched/write/scan",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "scan: change_pmd_range: reads val",
        "write: set_pmd_at: writes val",
        "scan: pmd_none_or_clear_bad",
    ),
    steps=34,
    states=196,
    exhausted=302,
    reached=(change_pmd_range,),
)
