"""Two processes write to one huge page, since its mappings were counted while one moved.

Splitting a PMD moves its mapping from the compound's count to those of the subpages, in several
steps. do_huge_pmd_wp_page() adds them up one by one, under the page lock, which the split did not
take: it read the subpages' counts before the mapping came, and PG_double_map, for which one is to
be taken off, when it was set. It reused the page.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_SPLIT_UNDER_PAGE_LOCK,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_that_others_map_is_writable
from mmspec.scenarios.splits import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, do_huge_pmd_wp_page

BUG = Bug(
    fixed=PMD_SPLIT_UNDER_PAGE_LOCK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family/zap_part/write",),
    violates=no_page_that_others_map_is_writable,
    key_steps=(
        "write: page_trans_huge_mapcount: reads _mapcount",
        "zap_part: __split_huge_pmd_locked: writes _mapcount",
        "zap_part: TestSetPageDoubleMap",
        "write: PageDoubleMap: reads flags",
        "write: do_huge_pmd_wp_page: writes val",
    ),
    steps=40,
    states=1_047,
    exhausted=3_423,
    reached=(__split_huge_pmd_locked, do_huge_pmd_wp_page),
)
