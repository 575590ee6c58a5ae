"""A frame breaks that is as good in the swap file: nothing is lost, it is read from there again."""

from __future__ import annotations

from mmspec.properties.marks import what_has_a_copy_is_not_lost
from mmspec.scenarios.poisoned import SCENARIO as POISONED
from mmspec.scenarios.poisoned import back, fail_head
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.swapped import read
from mmspec.spec.page.memory_failure import delete_from_lru_cache
from mmspec.spec.page.page_io import swap_readpage

SCENARIO = Scenario(
    name="poisoned_copied",
    title="a frame breaks that is as good in the swap file",
    cases=(
        Case("back/fail_head", back, (fail_head,)),
        *crossed((back,), (fail_head,), (read,)),
    ),
    rows=USUAL_ROWS,
    config=POISONED.config,
    witnesses=(
        Witness("a page that is broken leaves the LRU", delete_from_lru_cache),
        Witness("a page is read again", swap_readpage),
    ),
    explanation=__doc__,
    also=(what_has_a_copy_is_not_lost,),
)
