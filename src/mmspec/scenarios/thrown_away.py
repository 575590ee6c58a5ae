"""MADV_DONTNEED of a huge page, and others who rewrite its PMD. Nobody stores to it afterwards."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_13, v4_14
from mmspec.properties.marks import (
    what_was_thrown_away_is_given_up,
    what_was_thrown_away_is_gone,
)
from mmspec.scenarios import moves
from mmspec.scenarios.balanced import scan
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split, zap
from mmspec.scenarios.tracked import track
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.syscalls import madvise_free


def give_back() -> None:
    """madvise(MADV_FREE)."""
    madvise_free(USER_BASE, HPAGE_PMD_SIZE)


SCENARIO = Scenario(
    name="thrown_away",
    title="a huge page is thrown away while it is split, moved, tracked or hinted at",
    cases=crossed((huge,), (zap,), (track, split, move, give_back, scan)),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(Witness("a huge PMD is zapped", zap_huge_pmd),),
    explanation=__doc__,
    also=(what_was_thrown_away_is_gone, what_was_thrown_away_is_given_up),
)
