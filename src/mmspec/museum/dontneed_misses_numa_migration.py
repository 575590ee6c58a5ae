"""MADV_DONTNEED passes by a huge page that NUMA balancing has just moved.

Once the page was copied, its PMD was cleared, flushed, and set to the new page. Between, it was
none for who looks without the lock. Nothing had to be cleared: what denies access is in no TLB.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_MIGRATION_KEEPS_PMD_HUGE,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_thrown_away_is_gone
from mmspec.scenarios.thrown_away_used import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_MIGRATION_KEEPS_PMD_HUGE,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=("hinted/zap/use",),
    violates=what_was_thrown_away_is_gone,
    key_steps=(
        "use: migrate_misplaced_transhuge_page",
        "use: pmdp_huge_get_and_clear: writes val",
        "zap: zap_pmd_range",
        "use: set_pmd_at: writes val",
    ),
    steps=101,
    states=3_663,
    exhausted=4_254,
    reached=(
        migrate_misplaced_transhuge_page,
        zap_huge_pmd,
    ),
)
