"""khugepaged does not wait for who walks the page table that it takes away.

get_user_pages_fast() relies on interrupts being off. Where TLBs are flushed with no interrupt, by a
broadcast or by the hypervisor, khugepaged could reuse a table that somebody still walked.
"""

from __future__ import annotations

from mmspec.kernels.changes import COLLAPSE_WAITS_FOR_WALKERS
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.collapsed_pinned import SCENARIO
from mmspec.spec.page.gup import gup_pte_range
from mmspec.spec.page.khugepaged import __collapse_huge_page_copy

BUG = Bug(
    fixed=COLLAPSE_WAITS_FOR_WALKERS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("scattered/direct_io/collapse",),
    violates=no_store_is_lost,
    key_steps=(),
    steps=0,
    states=3_155,
    exhausted=3_181,
    reached=(gup_pte_range, __collapse_huge_page_copy),
    not_here="a flush is an interrupt here, which waits for who has them off",
)
