"""A frame breaks that nobody uses just then: it is given up, whatever page it is, or a part of."""

from __future__ import annotations

from mmspec.properties.marks import what_broke_is_given_up
from mmspec.scenarios.poisoned import SCENARIO as POISONED
from mmspec.scenarios.poisoned import back, fail, fail_head
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.scenarios.seed import huge, small
from mmspec.scenarios.swapped import base
from mmspec.spec.page.memory_failure import delete_from_lru_cache

SCENARIO = Scenario(
    name="poisoned_alone",
    title="a frame breaks that nobody uses just then",
    cases=tuple(
        Case(f"{set_up.__name__}/{task.__name__}", set_up, (task,))
        for set_up, task in (
            (huge, fail),
            (huge, fail_head),
            (small, fail),
            (base, fail_head),
            (back, fail_head),
        )
    ),
    rows=USUAL_ROWS,
    config=POISONED.config,
    witnesses=(Witness("a page that is broken leaves the LRU", delete_from_lru_cache),),
    explanation=__doc__,
    also=(what_broke_is_given_up,),
)
