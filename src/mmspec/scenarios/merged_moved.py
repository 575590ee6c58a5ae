"""A page that KSM has merged is moved, wherever it is mapped: also where it was inherited since."""

from __future__ import annotations

from mmspec.properties.marks import no_page_is_left_on_the_first_node
from mmspec.scenarios.merged import SCENARIO as MERGED
from mmspec.scenarios.merged import joined_family, joined_threads
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.spec.page.ksm import ksm_migrate_page

SCENARIO = Scenario(
    name="merged_moved",
    title="a merged page is moved, by one of the processes that have it",
    cases=tuple(
        Case(f"{set_up.__name__}/move", set_up, (move,))
        for set_up in (joined_threads, joined_family)
    ),
    rows=USUAL_ROWS,
    config=MERGED.config,
    witnesses=(Witness("a merged page is moved", ksm_migrate_page),),
    explanation=__doc__,
    also=(no_page_is_left_on_the_first_node,),
)
