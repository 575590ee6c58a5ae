"""A page is freed while it is locked: who splits its PMD does not hold it.

Since c444eb564fb1 the page is locked while its PMD is split, so that nobody who counts mappings
meets it half split. It is unlocked after the PMD's lock has been dropped. The mappings that are
left hold the page, but they can be zapped by then, by a thread of the same process and by the other
process. v5.18 needed no such lock any more (7f7609175ff2). The fix here is one of ours: hold the
page. We know no record of it.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_SPLIT_UNDER_PAGE_LOCK
from mmspec.kernels.drafts import PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_page_is_freed_in_a_bad_state
from mmspec.scenarios.given_up import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, zap_huge_pmd

BUG = Bug(
    fixed=PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family_of_three/zap_part/zap/zap",),
    violates=no_page_is_freed_in_a_bad_state,
    key_steps=(
        "zap_part: pmdp_invalidate",
        "zap_part: pmd_populate: writes val",
        "zap: zap_pte_range: writes val",
        "zap: put_page",
    ),
    steps=114,
    states=61_669,
    exhausted=75_001,
    reached=(__split_huge_pmd_locked, zap_huge_pmd),
    introduced=PMD_SPLIT_UNDER_PAGE_LOCK,
)
