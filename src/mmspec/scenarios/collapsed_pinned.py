"""khugepaged collapses base pages, while somebody walks page tables with interrupts off.

get_user_pages_fast() takes no lock that khugepaged knows of. That it may be on its way must keep
the page table, and the pages it finds there.
"""

from __future__ import annotations

from mmspec.scenarios.collapsed import collapse, scattered
from mmspec.scenarios.pinned import SCENARIO as PINNED
from mmspec.scenarios.pinned import direct_io
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.spec.page.gup import gup_pte_range
from mmspec.spec.page.khugepaged import __collapse_huge_page_copy

SCENARIO = Scenario(
    name="collapsed_pinned",
    title="base pages are collapsed to a huge page while one of them is pinned",
    cases=crossed((scattered,), (direct_io,), (collapse,)),
    rows=USUAL_ROWS,
    config=PINNED.config,
    witnesses=(
        Witness("a page is pinned without locks", gup_pte_range),
        Witness("pages are copied to a huge page", __collapse_huge_page_copy),
    ),
    explanation=__doc__,
)
