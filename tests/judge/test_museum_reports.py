"""Reports of the museum's exhibits are diagrams that can happen."""

from __future__ import annotations

import functools

import pytest

from mmspec.judge.bench import Bench
from mmspec.judge.diagram import Diagram
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge
from mmspec.museum import bugs
from mmspec.museum.bug import Bug
from mmspec.museum.checking import Visit, by_scenario
from tests.judge.test_own_reports import dependent, exchanged, read_again, report_of

BUGS = [bug for bug in bugs() if not bug.not_here]
GROUPS = {group[0].scenario.name: group for group in by_scenario(bugs())}


@functools.cache
def compiled(scenario: str) -> tuple[Bench, Visit]:
    """What judges and what searches a scenario, on the kernels of its exhibits."""
    group = GROUPS[scenario]
    return Bench(group[0].scenario, [bug.broken for bug in group]), Visit.of_both_sides(group)


def reported(bug: Bug) -> tuple[Judge, Diagram]:
    """The report of an exhibit's violation, read again, and who judges it."""
    where, visit = compiled(bug.scenario.name)
    number = [other.name for other in GROUPS[bug.scenario.name]].index(bug.name)
    found = visit.look(bug, 2 * number).shortest
    text, case = report_of(found, bug.scenario.config, visit.targets[2 * number])
    return Judge(where, number, Limits(120)), read_again(text, case, where)


#: Takes more than a minute, with three tasks that fault, reclaim and read in again.
SLOW = "swapped_in_beside_the_cache"
#: Two of three, and what is slow, are judged by `make long`.
EACH = [
    pytest.param(bug, marks=pytest.mark.long if bug.name == SLOW or n % 3 else ())
    for n, bug in enumerate(BUGS)
]


@pytest.mark.parametrize("bug", EACH, ids=lambda bug: bug.name)
def test_the_report_of_an_exhibit_is_feasible(bug: Bug) -> None:
    judge, diagram = reported(bug)

    judged = judge.judge(diagram, change=False)

    assert not diagram.unread
    assert judged.answer is Answer.FEASIBLE


@pytest.mark.parametrize("bug", EACH[::12], ids=lambda bug: bug.name)
def test_with_two_dependent_lines_exchanged_it_is_not(bug: Bug) -> None:
    judge, diagram = reported(bug)

    judged = judge.judge(exchanged(diagram, *dependent(diagram)), change=False)

    assert judged.answer is Answer.INFEASIBLE
