"""Trying mutants: scenario by scenario, until one notices."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mmspec.checker import Checker, Options, Result, Target, Verdict
from mmspec.compiler.errors import CompileError
from mmspec.compiler.machine import SetUpFailed
from mmspec.scenarios import NAMES, scenario_named
from mmspec.search.bfs import Budget
from tests.spec_mutants import installed
from tests.spec_mutants.table import MUTANTS

#: A mutant can make a search much longer, and a set-up endless (seconds).
LIMIT = 20
OPTIONS = Options(budget=Budget(states=1_000_000, seconds=30, memory=1 << 30))


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant, by its place in the table. scenario: the one that noticed it, empty
    if none did. by: how. steps: of the shortest trace there, 0 if there is none. refused: by the
    compiler, and why.
    """

    number: int
    scenario: str = ""
    by: str = ""
    steps: int = 0
    seconds: float = 0.0
    refused: str = ""


def noticed(result: Result) -> tuple[str, int]:
    """How a scenario shows that something is wrong, and after how many steps; empty if not."""
    case = result.shortest
    if case is not None and case.violation is not None:
        found = case.violation
        text = found.name if found.kind == "property" else f"{found.name}: {found.text}"
        return f"{case.case.name}: {text}", len(found.steps)
    for case in result.cases:
        if case.verdict is Verdict.UNDETERMINED and not case.outcome.stopped:
            return f"{case.case.name}: no verdict: {case.reason}", 0
        if case.reason.startswith("the model gives up"):
            return f"{case.case.name}: no verdict: {case.reason}", 0
    for witness in result.missing:
        return f"not reached: {witness.sentence}", 0
    return "", 0


class EndlessSetUp(Exception):
    """A set-up goes on and on: a fault that is served is repeated."""


def set_up(checker: Checker, number: int) -> None:
    """See that every set-up comes to an end."""

    def stop(*_: object) -> None:
        raise EndlessSetUp("the set-up does not end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        for case in checker.scenario.cases:
            if case.applies(checker.targets[number].kernel):
                checker.initial(case, number)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def try_together(numbers: Sequence[int], scenario: str) -> list[Outcome]:
    """Look at mutants in one scenario; not at those of kernels on which it does not hold anyway."""
    mutants = [MUTANTS[number] for number in numbers]
    kernels = list(dict.fromkeys(mutant.kernel for mutant in mutants))
    found = []
    with installed(mutants) as changes:
        targets = [Target(kernel) for kernel in kernels]
        targets += [Target(m.kernel.with_(c)) for m, c in zip(mutants, changes, strict=True)]
        checker = Checker(scenario_named(scenario), targets, OPTIONS)
        usual = [checker.run(targets=[n])[0].verdict for n in range(len(kernels))]
        for n, number in enumerate(numbers):
            if usual[kernels.index(mutants[n].kernel)] is not Verdict.HOLDS:
                continue
            began = time.perf_counter()
            try:
                set_up(checker, len(kernels) + n)
                by, steps = noticed(checker.run(targets=[len(kernels) + n])[0])
            except (SetUpFailed, EndlessSetUp) as error:
                by, steps = str(error), 0
            name = scenario if by else ""
            found.append(Outcome(number, name, by, steps, time.perf_counter() - began))
    return found


def try_one_by_one(numbers: Sequence[int], scenario: str) -> list[Outcome]:
    """The same, in case that the compiler refuses one."""
    try:
        return try_together(numbers, scenario)
    except CompileError as error:
        if len(numbers) == 1:
            return [Outcome(numbers[0], refused=str(error).splitlines()[0])]
    half = len(numbers) // 2
    return try_one_by_one(numbers[:half], scenario) + try_one_by_one(numbers[half:], scenario)


def try_all(numbers: Sequence[int]) -> list[Outcome]:
    """Look at mutants in one scenario after the other, until each is noticed."""
    done: list[Outcome] = []
    seconds = dict.fromkeys(numbers, 0.0)
    alive = list(numbers)
    for scenario in NAMES:
        for outcome in try_one_by_one(alive, scenario) if alive else []:
            seconds[outcome.number] += outcome.seconds
            if outcome.by or outcome.refused:
                done.append(dataclasses.replace(outcome, seconds=seconds[outcome.number]))
                alive.remove(outcome.number)
    return done + [Outcome(number, seconds=seconds[number]) for number in alive]
