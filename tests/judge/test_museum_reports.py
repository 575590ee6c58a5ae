"""Reports of the museum's exhibits are diagrams that can happen."""

from __future__ import annotations

import functools

import pytest

from mmspec.judge.bench import Bench
from mmspec.judge.diagram import Diagram, read
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge
from mmspec.museum import bugs
from mmspec.museum.bug import Bug
from mmspec.museum.checking import Visit, by_scenario
from mmspec.report import terminal
from mmspec.report.execution import confirm

BUGS = [bug for bug in bugs() if not bug.not_here]


@functools.cache
def compiled(scenario: str) -> tuple[Bench, Visit, list[str]]:
    """What judges and what searches a scenario, on the kernels of its exhibits."""
    group = next(g for g in by_scenario(BUGS) if g[0].scenario.name == scenario)
    kernels = [bug.broken for bug in group]
    return Bench(group[0].scenario, kernels), Visit(group, kernels), [bug.name for bug in group]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_report_of_an_exhibit_is_feasible(bug: Bug) -> None:
    where, visit, names = compiled(bug.scenario.name)
    number = names.index(bug.name)
    found = visit.look(bug, number).shortest
    assert found is not None and found.violation is not None
    config, target = bug.scenario.config, visit.targets[number]
    execution = confirm(found.case, config, target, found.violation)
    text = "\n".join(terminal.report(execution, found.case, config, found.violation))
    made = read(text, where.vocabulary({}), where.programs)
    diagram = Diagram(made.heads, made.lines, made.unread, made.comments, {"case": found.case.name})

    judged = Judge(where, number, Limits(120)).judge(diagram, change=False)

    assert not diagram.unread
    assert judged.answer is Answer.FEASIBLE
