"""KSM merges a page that a device uses: who walks page tables with interrupts off must not get it.

A page to which anybody has a reference is not merged; that nobody gets one while they are counted
is the flush's doing, which waits for get_user_pages_fast().
"""

from __future__ import annotations

from mmspec.scenarios.merged import SCENARIO as MERGED
from mmspec.scenarios.merged import alike, joined, merge
from mmspec.scenarios.pinned import direct_io
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.spec.page.gup import gup_pte_range
from mmspec.spec.page.ksmd import replace_page

SCENARIO = Scenario(
    name="merged_pinned",
    title="pages are merged while one of them is pinned",
    cases=crossed((alike, joined), (direct_io,), (merge,)),
    rows=USUAL_ROWS,
    config=MERGED.config.with_(pins=1),
    witnesses=(
        Witness("a page is pinned without locks", gup_pte_range),
        Witness("a page is replaced by a merged one", replace_page),
    ),
    explanation=__doc__,
)
