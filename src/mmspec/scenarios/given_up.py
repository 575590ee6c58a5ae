"""A huge page of two processes, of which one gives up a part and the other all of it."""

from __future__ import annotations

from mmspec.properties.marks import partly_mapped_huge_pages_are_queued
from mmspec.scenarios import moves
from mmspec.scenarios.moves import family, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import split, zap
from mmspec.scenarios.splits import unmap
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, zap_huge_pmd
from mmspec.spec.page.syscalls import share_mm


def family_of_three() -> None:
    """The same, and the parent has a second thread."""
    family()
    share_mm(2)


SCENARIO = Scenario(
    name="given_up",
    title="one of two processes gives up a part of a huge page, the other all of it",
    cases=(
        *crossed((family,), (zap_part,), (zap, unmap, zap_part)),
        *crossed((family,), (zap,), (split,)),
        Case("family_of_three/zap_part/zap/zap", family_of_three, (zap_part, zap, zap)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge PMD is split", __split_huge_pmd_locked),
        Witness("a huge PMD is zapped", zap_huge_pmd),
    ),
    explanation=__doc__,
    also=(partly_mapped_huge_pages_are_queued,),
)
