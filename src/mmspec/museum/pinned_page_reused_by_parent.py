"""A child reads through a pin what its parent stores after fork().

The child pins a page that it shares with the parent, to read it, and unmaps it. Then the parent is
the only one who maps the page, and stores to it without a copy. The fix made readers get a page of
their own; v5.9 copies a page for a store wherever anybody else has a reference.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    GUP_BREAKS_COW,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_process_reads_what_another_stored
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.gup import follow_page

BUG = Bug(
    fixed=GUP_BREAKS_COW,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base_family/write_first/splice",),
    violates=no_process_reads_what_another_stored,
    key_steps=(
        "splice: gup_pte_range",
        "splice: zap_pte_range",
        "write_first: do_wp_page",
        "write_first: wp_page_reuse",
        "splice: load_from_pinned",
    ),
    steps=76,
    states=2_601,
    exhausted=9_308,
    reached=(follow_page,),
)
