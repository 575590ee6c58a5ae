"""The huge zero page is freed while a processor still reads it.

Each mapping held a reference to it. Unmapping gave that back at once, and the page could be freed
before the TLBs were flushed. Later, from v4.9, an address space that has used the page keeps it
until it is taken down; without that commit the mappings count again.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH,
    HUGE_ZERO_PAGE_PER_MM,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_freed_page_through_its_TLB
from mmspec.scenarios.zero_pages import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.huge_zero_page import shrink_huge_zero_page_scan

BUG = Bug(
    fixed=HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH,
    kernel=v4_14_fixed.without(HUGE_ZERO_PAGE_PER_MM),
    scenario=SCENARIO,
    cases=("zero/shrink/zap",),
    violates=no_processor_reaches_a_freed_page_through_its_TLB,
    key_steps=(
        "zap: put_huge_zero_page",
        "shrink: shrink_huge_zero_page_scan",
        "shrink: free_pages_ok",
    ),
    steps=17,
    states=55,
    exhausted=54,
    reached=(shrink_huge_zero_page_scan, zap_huge_pmd),
    with_it=(HUGE_ZERO_PAGE_PER_MM,),
)
