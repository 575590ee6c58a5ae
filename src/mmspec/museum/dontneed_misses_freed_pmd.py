"""MADV_DONTNEED walks past a huge page that is being given to MADV_FREE.

Both have mmap_sem for reading. MADV_FREE made the PMD none to clean it, and put it back; who looked
without the lock just then found nothing to throw away, and said so.
"""

from __future__ import annotations

from mmspec.kernels.changes import MADV_FREE_KEEPS_PMD_HUGE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_thrown_away_is_given_up
from mmspec.scenarios.thrown_away import SCENARIO
from mmspec.spec.page.huge_memory import madvise_free_huge_pmd, zap_huge_pmd

BUG = Bug(
    fixed=MADV_FREE_KEEPS_PMD_HUGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap/give_back",),
    violates=what_was_thrown_away_is_given_up,
    key_steps=(
        "give_back: pmdp_huge_get_and_clear: writes val",
        "zap: zap_pmd_range: reads val",
        "give_back: madvise_free_huge_pmd: writes val",
    ),
    steps=45,
    states=657,
    exhausted=581,
    reached=(zap_huge_pmd, madvise_free_huge_pmd),
)
