"""mremap(2) takes no lock of the reverse map: it relies on the order in which that visits VMAs."""

from __future__ import annotations

import pytest

from mmspec.checker import Checker, Options, Target, Verdict
from mmspec.properties.entries import migration_entries_name_locked_pages
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.remaps import SCENARIO


@pytest.fixture(scope="module")
def checker() -> Checker:
    rows = ("v4.14 fixed", "new place first")
    return Checker(SCENARIO, [Target(SCENARIO.kernel(row)) for row in rows], Options(workers=1))


@pytest.mark.parametrize("case", [case.name for case in SCENARIO.cases])
def test_what_moves_is_found_only_if_the_old_place_is_visited_first(
    checker: Checker, case: str
) -> None:
    kept, lost = (result.cases[0] for result in checker.run(cases=[SCENARIO.case(case)]))

    assert kept.verdict is Verdict.HOLDS
    assert lost.violation is not None
    # a split finds the page still mapped; a migration leaves an entry
    broken = no_assertion_fails if "split" in case else migration_entries_name_locked_pages
    assert lost.violation.broken is broken
