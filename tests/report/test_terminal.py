"""What a report says besides its columns."""

from __future__ import annotations

from mmspec.report.terminal import largest
from mmspec.scenarios.given_up import SCENARIO


def test_the_scope_is_that_of_the_case_with_most_tasks() -> None:
    assert len(SCENARIO.cases[0].tasks) == 2
    assert len(largest(SCENARIO.cases).tasks) == 3
