"""Huge pages and their PMDs are split while they are used, with nothing that migrates."""

from __future__ import annotations

from mmspec.properties.marks import (
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import family, freed, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split, write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_page, __split_huge_pmd_locked
from mmspec.spec.page.syscalls import munmap


def unmap() -> None:
    """munmap(2)."""
    munmap(USER_BASE, HPAGE_PMD_SIZE)


SCENARIO = Scenario(
    name="splits",
    title="a huge page or its PMD is split while it is written to, unmapped or split",
    cases=(
        *crossed((huge, freed), (zap_part,), (write,)),
        *crossed((freed,), (split,), (write,)),
        *crossed((huge,), (split,), (split, unmap)),
        *crossed((family,), (zap_part,), (write,)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge PMD is split", __split_huge_pmd_locked),
        Witness("a huge page is taken apart", __split_huge_page),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty, what_was_stored_to_is_soft_dirty),
)
