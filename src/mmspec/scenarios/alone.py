"""One process, one thing after the other: what must be kept is kept, with nobody in the way."""

from __future__ import annotations

from mmspec.properties.marks import (
    no_huge_page_that_PTEs_map_is_mlocked,
    pages_are_on_the_nodes_they_are_bound_to,
    partly_mapped_huge_pages_are_queued,
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import family, freed, give_away, move, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.scenarios.seed import bind, huge, small, split
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_page, __split_huge_pmd_locked
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.swap import mark_page_lazyfree
from mmspec.spec.page.syscalls import move_pages


def move_tail() -> None:
    """move_pages(2) of a page in the middle of the huge page."""
    move_pages(USER_BASE + PAGE_SIZE, 1, 1, True)


SCENARIO = Scenario(
    name="alone",
    title="a huge page is split, moved and partly unmapped, with nobody else there",
    cases=(
        *(
            Case(f"{set_up.__name__}/{task.__name__}", set_up, (task,))
            for set_up in (huge, freed, small)
            for task in (split, zap_part, move, bind, move_tail)
        ),
        Case("huge/give_away", huge, (give_away,)),
        Case("family/give_away", family, (give_away,)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge PMD is split", __split_huge_pmd_locked),
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("a migration entry becomes a mapping", remove_migration_pte),
        Witness("what a huge page holds is given away", mark_page_lazyfree),
    ),
    explanation=__doc__,
    also=(
        no_huge_page_that_PTEs_map_is_mlocked,
        pages_are_on_the_nodes_they_are_bound_to,
        partly_mapped_huge_pages_are_queued,
        what_was_stored_to_is_dirty,
        what_was_stored_to_is_soft_dirty,
    ),
)
