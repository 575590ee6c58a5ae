"""Options that several verbs share, and what they stand for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mmspec.checker import Options, Result, Target, Verdict, Violation
from mmspec.compiler import cache
from mmspec.kernels import Kernel
from mmspec.kernels.known import change_named, unknown
from mmspec.properties import PROPERTIES
from mmspec.report.execution import Execution, confirm
from mmspec.report.trace import Trace
from mmspec.scenarios.scenario import Case, Scenario
from mmspec.search.bfs import Budget, default_workers

F = TypeVar("F", bound=Callable[..., Any])

COLOURS = {Verdict.HOLDS: "green", Verdict.VIOLATED: "red", Verdict.UNDETERMINED: "yellow"}


def coloured(verdict: Verdict, text: str) -> str:
    """In the verdict's colour; click leaves it out where nobody sees it."""
    return click.style(text, fg=COLOURS[verdict], bold=verdict is not Verdict.HOLDS)


def kernel_options(fn: F) -> F:
    """--kernel, --with, --without, --no-debug-vm."""
    for option in (
        click.option("--no-debug-vm", is_flag=True, help="Without CONFIG_DEBUG_VM's assertions."),
        click.option("--without", "less", multiple=True, metavar="CHANGE", help="Take it out."),
        click.option("--with", "more", multiple=True, metavar="CHANGE", help="Put it in."),
        click.option("-k", "--kernel", metavar="KERNEL", help="A release, or a row of the table."),
    ):
        fn = option(fn)
    return fn


def chosen_kernel(
    scenario: Scenario, name: str, more: tuple[str, ...], less: tuple[str, ...], no_debug_vm: bool
) -> Kernel:
    """The kernel that options name."""
    kernel = scenario.kernel(name)
    if less:
        kernel = kernel.without(*map(change_named, less))
    if more:
        kernel = kernel.with_(*map(change_named, more))
    return kernel.without_debug() if no_debug_vm else kernel


def size_option(fn: F) -> F:
    """--size."""
    return click.option(
        "--size",
        "sizes",
        multiple=True,
        metavar="NAME=N",
        help="Another size of the system: order=3 gives a huge page 8 subpages.",
    )(fn)


def sized(scenario: Scenario, sizes: tuple[str, ...]) -> Scenario:
    """The scenario with some of its sizes replaced."""
    made: dict[str, int] = {}
    for text in sizes:
        name, _, value = text.partition("=")
        if not value.isdigit() or not 0 < int(value) <= 4096:
            raise click.UsageError(f"--size {text}: write NAME=N, N from 1 to 4096")
        made[name] = int(value)
    return dataclasses.replace(scenario, config=scenario.config.with_(**made))


def search_options(fn: F) -> F:
    """Budgets, workers, reductions, what is checked."""
    for option in (
        click.option("--no-symmetry", is_flag=True, help="Take tasks that are alike as different."),
        click.option("--no-memo", is_flag=True, help="Compute every step; remember none."),
        click.option("--no-merge", is_flag=True, help="Stop before every shared access."),
        click.option(
            "--memory",
            type=click.IntRange(1),
            default=8192,
            show_default=True,
            metavar="MB",
            help="Give a case up beyond this.",
        ),
        click.option(
            "--seconds",
            type=click.FloatRange(0, min_open=True),
            metavar="S",
            help="Give a case up after this.",
        ),
        click.option(
            "--states", type=click.IntRange(1), metavar="N", help="Give a case up beyond this."
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 64),
            metavar="N",
            help="Threads.  [default: as many as there are processors]",
        ),
        click.option(
            "--property",
            "properties",
            multiple=True,
            metavar="P",
            help="Check only these (see `mmspec list properties`); kernel checks stay.",
        ),
    ):
        fn = option(fn)
    return fn


def options_of(
    *,
    properties: tuple[str, ...],
    workers: int | None,
    states: int | None,
    seconds: float | None,
    memory: int,
    no_merge: bool,
    no_memo: bool,
    no_symmetry: bool,
    all_cases: bool = False,
) -> Options:
    """What the options say; UnknownName for a property that there is not."""
    for name in properties:
        if name not in PROPERTIES:
            raise unknown("property", name, PROPERTIES, "mmspec list properties")
    budget = Budget(
        states if states is not None else Budget.states,
        seconds if seconds is not None else Budget.seconds,
        memory << 20,
    )
    return Options(
        merged=not no_merge,
        memo=not no_memo,
        symmetry=not no_symmetry,
        properties=properties,
        budget=budget,
        workers=workers or default_workers(),
        all_cases=all_cases,
    )


def chosen_cases(scenario: Scenario, names: tuple[str, ...], kernel: Kernel | None) -> list[Case]:
    """The cases that options name; all if they name none."""
    cases = [scenario.case(name) for name in names]
    if kernel is not None:
        for case in cases:
            if not case.applies(kernel):
                needs = ", ".join(map(str, case.needs))
                raise click.UsageError(
                    f"the case {case.name} needs {needs}, which {kernel} does not have"
                )
    return cases or list(scenario.cases)


def trace_of(
    scenario: Scenario, case: Case, target: Target, violation: Violation, merged: bool
) -> Trace:
    """What to save."""
    return Trace(scenario, case, scenario.config, target, merged, violation, cache.sources())


def path_of(directory: Path, scenario: Scenario, label: str) -> Path:
    """Where a trace is saved."""
    slug = re.sub(r"[^A-Za-z0-9._+-]+", "-", label).strip("-")
    return directory / f"{scenario.name}-{slug[:80]}.json"


def confirmed(result: Result, merged: bool, observe: bool = True) -> Execution | None:
    """The shortest violation, executed by CPython; None if there is no violation."""
    found = result.shortest
    if found is None or found.violation is None:
        return None
    violation = found.violation
    config, target = result.scenario.config, result.target
    return confirm(found.case, config, target, violation, merged=merged, observe=observe)
