"""Huge pages are moved by all who can ask for it, and stay huge."""

from __future__ import annotations

from mmspec.properties.marks import huge_pages_stay_huge
from mmspec.scenarios.moves import move
from mmspec.scenarios.offlined import SCENARIO as OFFLINED
from mmspec.scenarios.offlined import offline
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.scenarios.seed import bind, huge
from mmspec.spec.machine.sizes import USER_BASE
from mmspec.spec.page.migrate import migrate_page_move_mapping
from mmspec.spec.page.syscalls import move_pages


def move_each() -> None:
    """move_pages(2) of the first page to the other node."""
    move_pages(USER_BASE, 1, 1, True)


SCENARIO = Scenario(
    name="moved_whole",
    title="huge pages are moved by mbind(), migrate_pages(), move_pages() and hot-remove",
    cases=tuple(
        Case(f"huge/{task.__name__}", huge, (task,)) for task in (bind, move, move_each, offline)
    ),
    rows=USUAL_ROWS,
    config=OFFLINED.config,
    witnesses=(Witness("a page is moved", migrate_page_move_mapping),),
    explanation=__doc__,
    also=(huge_pages_stay_huge,),
)
