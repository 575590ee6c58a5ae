"""A store to the huge zero page copies a page that is not there.

do_huge_pmd_wp_page() asked twice whether the PMD it had seen maps the huge zero page. Another
thread unmapped it, the shrinker freed it, and there was no huge zero page any more: the second
answer was no, and what had to be copied was the page that the first answer had not looked for.
Since v4.9 an address space that has used the page keeps it, and this cannot happen any more.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    HUGE_ZERO_PAGE_PER_MM,
    WP_TESTS_HUGE_ZERO_ONCE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.zero_pages import SCENARIO
from mmspec.spec.page.huge_memory import do_huge_pmd_wp_page
from mmspec.spec.page.huge_zero_page import shrink_huge_zero_page_scan

BUG = Bug(
    fixed=WP_TESTS_HUGE_ZERO_ONCE,
    kernel=v4_14_fixed.without(HUGE_ZERO_PAGE_PER_MM),
    scenario=SCENARIO,
    cases=("zero/write/zap_and_shrink",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "write: do_huge_pmd_wp_page",
        "zap_and_shrink: shrink_huge_zero_page_scan",
        "write: is_huge_zero_pmd: reads page",
    ),
    steps=23,
    states=561,
    exhausted=3_180,
    reached=(
        shrink_huge_zero_page_scan,
        do_huge_pmd_wp_page,
    ),
    with_it=(HUGE_ZERO_PAGE_PER_MM,),
)
