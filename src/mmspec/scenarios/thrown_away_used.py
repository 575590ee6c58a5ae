"""MADV_DONTNEED of a huge page while another thread reads it: what it reads later is zero."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_13, v4_14
from mmspec.properties.marks import what_was_thrown_away_is_gone
from mmspec.scenarios import moves
from mmspec.scenarios.balanced import hinted, use
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, zap
from mmspec.spec.page.huge_memory import do_huge_pmd_numa_page, zap_huge_pmd

SCENARIO = Scenario(
    name="thrown_away_used",
    title="a huge page is thrown away while it is read, and moved to where it is read",
    cases=crossed((huge, hinted), (zap,), (use,)),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge PMD is zapped", zap_huge_pmd),
        Witness("a huge page is used where it should be moved to", do_huge_pmd_numa_page),
    ),
    explanation=__doc__,
    also=(what_was_thrown_away_is_gone,),
)
