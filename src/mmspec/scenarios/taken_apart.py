"""A huge page that is to be split is taken apart, if nobody pins it."""

from __future__ import annotations

from mmspec.properties.marks import no_huge_page_is_left
from mmspec.scenarios import moves
from mmspec.scenarios.bound import read
from mmspec.scenarios.moves import family
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
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
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(Witness("a huge page is taken apart", __split_huge_page),),
    explanation=__doc__,
    also=(no_huge_page_is_left,),
)
