"""Which scenarios a diagram may speak of: those whose programs can call what it names."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from mmspec.judge.bench import kernel_names
from mmspec.judge.claims import Vocabulary
from mmspec.judge.diagram import Diagram
from mmspec.judge.placing import can_do, programs_named
from mmspec.judge.search import EXIT
from mmspec.lang.program import discover
from mmspec.report.names import _FLAGS
from mmspec.scenarios import NAMES, scenario_named
from mmspec.scenarios.scenario import Case, Program, Scenario
from mmspec.spec.page.syscalls import exit_mm


@functools.cache
def _called(program: Program) -> frozenset[str]:
    """Functions that a program can get to on some kernel, by their names."""
    names = kernel_names()
    return frozenset(names.get(f, f.__name__) for f in discover([program]).functions)


def every_program() -> list[str]:
    """Names of all programs that tasks run in scenarios."""
    found = {
        task.__name__: None
        for name in NAMES
        for case in scenario_named(name).cases
        for task in case.tasks
    }
    return list(found)


def vocabulary(meant: dict[str, str]) -> Vocabulary:
    """Names that diagrams may use, with no scenario in mind."""
    called = [_called(program) for name in NAMES for program in scenario_named(name).programs()]
    names = frozenset(kernel_names().values()).union(*called)
    return Vocabulary(names, _FLAGS.values(), meant)


def proposed(diagram: Diagram) -> list[Scenario]:
    """Scenarios with a case whose tasks can do what the columns name, in the order of `NAMES`."""
    wanted = diagram.front.get("case")
    heads = programs_named(diagram, every_program())
    found = []
    for name in NAMES:
        scenario = scenario_named(name)
        cases = [case for case in scenario.cases if wanted in (None, case.name)]
        if any(_fits(diagram, heads, case) for case in cases):
            found.append(scenario)
    return found


def _fits(diagram: Diagram, heads: Sequence[str], case: Case) -> bool:
    columns = range(len(diagram.heads))
    tasks: list[Program | None] = [*case.tasks]
    tasks += [None] * sum(not diagram.functions(column, EXIT) for column in columns)
    for placed in itertools.permutations(tasks, len(columns)):
        if all(
            (not head or (task is not None and task.__name__ == head))
            and _can(diagram, column, task)
            for column, task, head in zip(columns, placed, heads, strict=False)
        ):
            return True
    return False


def _can(diagram: Diagram, column: int, task: Program | None) -> bool:
    """Whether a task can call what a column names. None: a child that only exits."""
    calls = frozenset[str]() if task is None else _called(task)
    return can_do(diagram, column, calls, _called(exit_mm))
