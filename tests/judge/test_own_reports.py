"""Reports of `mmspec check` are diagrams too."""

from __future__ import annotations

import functools

import pytest

from mmspec.checker import CaseResult, Checker, Options, Target, Violation
from mmspec.judge.bench import Bench
from mmspec.judge.claims import Kind
from mmspec.judge.diagram import Diagram, Line, read
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge, Judgement
from mmspec.lang import Config
from mmspec.report import terminal
from mmspec.report.execution import confirm
from mmspec.scenarios import scenario_named

SEED = scenario_named("seed")
BAD = ["v4.13", "v4.14", "V-A", "V-N", "V-N guarded", "V-1", "V-C", "V-C with the patch", "V-W"]


@functools.cache
def bench() -> Bench:
    return Bench(SEED, [SEED.kernel(name) for name in BAD])


@functools.cache
def reported(name: str) -> tuple[str, str]:
    """The report of a row's violation, and its case."""
    target = Target(SEED.kernel(name))
    return report_of(Checker(SEED, [target], Options()).run()[0].shortest, SEED.config, target)


def report_of(found: CaseResult | None, config: Config, target: Target) -> tuple[str, str]:
    """The report of what was found, and its case."""
    assert found is not None and isinstance(found.violation, Violation)
    execution = confirm(found.case, config, target, found.violation)
    lines = terminal.report(execution, found.case, config, found.violation)
    return "\n".join(lines), found.case.name


def diagram_of(name: str) -> Diagram:
    return read_again(*reported(name), bench())


def read_again(text: str, case: str, where: Bench) -> Diagram:
    """A report as a diagram of its case."""
    made = read(text, where.vocabulary({}), where.programs)
    return Diagram(made.heads, made.lines, made.unread, made.comments, {"case": case})


def judged(name: str, diagram: Diagram) -> Judgement:
    return Judge(bench(), BAD.index(name), Limits(60)).judge(diagram, change=False)


@pytest.mark.parametrize("name", BAD)
def test_the_report_of_a_violation_is_feasible(name: str) -> None:
    diagram = diagram_of(name)

    found = judged(name, diagram)

    assert not diagram.unread
    assert found.answer is Answer.FEASIBLE
    assert found.violation is not None


@pytest.mark.parametrize("name", BAD)
def test_with_two_dependent_lines_exchanged_it_is_infeasible(name: str) -> None:
    diagram = diagram_of(name)
    first, second = dependent(diagram)

    found = judged(name, exchanged(diagram, first, second))

    assert found.answer is Answer.INFEASIBLE


def dependent(diagram: Diagram) -> tuple[Line, Line]:
    """The last two lines of a column that write the same place one after the other, or what
    comes nearest: a function and what it writes."""
    pairs = []
    for column in range(len(diagram.heads)):
        own = [line for line in diagram.lines if line.column == column]
        for a, b in zip(own, own[1:], strict=False):
            kinds = a.claims[0].kind, b.claims[0].kind
            if kinds == (Kind.WRITES, Kind.WRITES) and a.claims[0].name == b.claims[0].name:
                pairs.append((0, a, b))
            elif kinds == (Kind.ENTERS, Kind.WRITES) and a.indent < b.indent:
                pairs.append((1, a, b))
    _, first, second = min(pairs, key=lambda pair: pair[0])
    return first, second


def exchanged(diagram: Diagram, first: Line, second: Line) -> Diagram:
    import dataclasses

    new = {
        id(first): dataclasses.replace(first, row=second.row),
        id(second): dataclasses.replace(second, row=first.row),
    }
    lines = tuple(new.get(id(line), line) for line in diagram.lines)
    return dataclasses.replace(diagram, lines=lines)
