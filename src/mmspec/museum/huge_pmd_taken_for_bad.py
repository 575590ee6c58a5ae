"""MADV_DONTNEED takes a huge PMD for a bad one, and clears it.

With mmap_sem for reading another thread may fault a huge page in at any time. Zapping asked whether
the PMD was huge, and then whether it was none or bad: a huge page that came in between is no page
table, hence bad. Its mapping was lost, and what the page counted of it was not.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_HUGE_AT_ANY_TIME
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.zaps import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=PMD_HUGE_AT_ANY_TIME,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("empty/zap/write",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "zap: zap_pmd_range: reads val",
        "write: __do_huge_pmd_anonymous_page: writes val",
        "zap: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=34,
    states=251,
    exhausted=1_245,
    reached=(zap_huge_pmd,),
)
