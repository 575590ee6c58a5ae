"""MADV_DONTNEED passes by a huge page whose PMD is just being made a NUMA hint.

The scanner cleared the PMD, and set it again with no access. Between the two it was none;
MADV_DONTNEED looks at it without the lock, and has mmap_sem for reading, as the scanner has.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PROTECTING_KEEPS_PMD_HUGE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_thrown_away_is_gone
from mmspec.scenarios.thrown_away import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd, zap_huge_pmd

BUG = Bug(
    fixed=PROTECTING_KEEPS_PMD_HUGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap/scan",),
    violates=what_was_thrown_away_is_gone,
    key_steps=(
        "scan: change_huge_pmd",
        "scan: pmdp_huge_get_and_clear: writes val",
        "zap: zap_pmd_range",
        "scan: set_pmd_at: writes val",
    ),
    steps=16,
    states=149,
    exhausted=330,
    reached=(
        change_huge_pmd,
        zap_huge_pmd,
    ),
)
