"""A huge page that is to be split is taken apart, if nobody pins it."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.properties.marks import no_huge_page_is_left
from mmspec.scenarios import moves
from mmspec.scenarios.bound import read
from mmspec.scenarios.moves import family
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import both, split
from mmspec.spec.page.huge_memory import __split_huge_page

SCENARIO = Scenario(
    name="taken_apart",
    title="a huge page of two processes is split, and one of them reads it",
    cases=(
        Case("family/split", family, (split,)),
        Case("both/split", both, (split,)),
        *crossed((family,), (split,), (read,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(Witness("a huge page is taken apart", __split_huge_page),),
    explanation=__doc__,
    also=(no_huge_page_is_left,),
)
