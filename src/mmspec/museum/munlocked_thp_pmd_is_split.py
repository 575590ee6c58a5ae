"""munlock() looks for other locked mappings of a huge page while one of its PMDs is split.

Whether PTEs map a huge page, too, is known from PG_double_map, and munlock() asks for it under the
page lock: a huge page that was mlocked a moment ago is mapped by PMDs only. Another process could
split its PMD without that lock. v4.14 has this fault: we know no record of it; it ended when PMDs
came to be split under the page lock.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_SPLIT_UNDER_PAGE_LOCK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked
from mmspec.spec.page.mlock_vmas import munlock_vma_pages_range

BUG = Bug(
    fixed=PMD_SPLIT_UNDER_PAGE_LOCK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked/unlock/zap_part",),
    violates=no_assertion_fails,
    key_steps=(
        "unlock: munlock_vma_page",
        "zap_part: TestSetPageDoubleMap",
        "unlock: try_to_munlock",
    ),
    steps=54,
    states=2_128,
    exhausted=2_514,
    reached=(
        munlock_vma_pages_range,
        __split_huge_pmd_locked,
    ),
)
