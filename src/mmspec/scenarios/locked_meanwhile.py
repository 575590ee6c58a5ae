"""Memory is locked while it is moved, split, unmapped and inherited.

Not checked: that every page of a locked mapping is mlocked. Who marks pages passes those by that
somebody else has locked; reclaim finds them later.
"""

from __future__ import annotations

from mmspec.properties.marks import (
    mlocked_pages_are_counted,
    mlocked_pages_are_in_locked_mappings,
    no_huge_page_that_PTEs_map_is_mlocked,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, inherit, split, zap
from mmspec.spec.page.mlock import clear_page_mlock, mlock_vma_page
from mmspec.spec.page.syscalls import mlockall


def lock_all() -> None:
    """mlockall(2)."""
    mlockall()


SCENARIO = Scenario(
    name="locked_meanwhile",
    title="memory is locked while it is moved, split, unmapped and inherited",
    cases=crossed((huge,), (lock_all,), (move, split, zap, zap_part, inherit)),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a page is mlocked", mlock_vma_page),
        Witness("an mlocked page is unmapped or split", clear_page_mlock),
    ),
    explanation=__doc__,
    also=(
        mlocked_pages_are_counted,
        mlocked_pages_are_in_locked_mappings,
        no_huge_page_that_PTEs_map_is_mlocked,
    ),
)
