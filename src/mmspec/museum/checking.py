"""Looking at exhibits: without the fix, with it, or on a kernel that somebody asks about."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mmspec.checker import CaseResult, Checker, Options, Result, Target, Verdict, Violation
from mmspec.kernels import Change, Kernel
from mmspec.kernels.releases import LATER_FIXES, OUR_FIXES
from mmspec.museum.bug import Bug
from mmspec.report.execution import Execution, StepTaken, confirm
from mmspec.search.bfs import Budget

#: Found states and steps are the same with any number of threads only if there is one for a case.
OPTIONS = Options(all_cases=True)

#: Kernels that are compiled together: a set of them is one word of 64 bits.
MOST_KERNELS = 60


@dataclass(frozen=True)
class Seen:
    """What exploring an exhibit's cases on one kernel gave. missing: of its key steps, and of the
    functions that must be reached.
    """

    bug: Bug
    result: Result
    seconds: float
    missing: tuple[str, ...] = ()

    @property
    def shortest(self) -> CaseResult | None:
        """The case with the shortest violation."""
        return self.result.shortest

    @property
    def violation(self) -> Violation | None:
        """The shortest violation."""
        return self.shortest.violation if self.shortest is not None else None

    @property
    def steps(self) -> int:
        """How long it is."""
        return len(self.violation.steps) if self.violation is not None else 0

    @property
    def is_the_bug(self) -> bool:
        """Whether what was found is this fault: the property it breaks, and its key steps."""
        found = self.violation
        return found is not None and found.broken is self.bug.violates and not self.missing

    @property
    def is_exhausted(self) -> bool:
        """Whether everything was explored, what matters was reached, and nothing was violated."""
        return self.result.verdict is Verdict.HOLDS and not self.missing


@dataclass(frozen=True)
class Shown:
    """An exhibit, looked at from both sides."""

    bug: Bug
    without: Seen
    with_it: Seen

    @property
    def seconds(self) -> float:
        """Both searches, and the confirmation."""
        return self.without.seconds + self.with_it.seconds

    @property
    def is_found(self) -> bool:
        """Whether taking the fix out brings the fault back."""
        return not self.bug.not_here and self.without.is_the_bug

    @property
    def is_infeasible(self) -> bool:
        """Whether the exhibit says that it cannot happen, and all of it was explored."""
        return bool(self.bug.not_here) and self.without.is_exhausted

    @property
    def is_as_it_says(self) -> bool:
        """Whether the exhibit is right."""
        return (self.is_found or self.is_infeasible) and self.with_it.is_exhausted


class Visit:
    """Exhibits of one scenario, compiled once for all kernels they need."""

    def __init__(self, bugs: Sequence[Bug], kernels: Iterable[Kernel], seconds: float = 0) -> None:
        self.targets = [Target(kernel) for kernel in kernels]
        options = replace(OPTIONS, budget=Budget(seconds=seconds)) if seconds else OPTIONS
        self.checker = Checker(bugs[0].scenario, self.targets, options)

    @classmethod
    def of_both_sides(cls, bugs: Sequence[Bug]) -> Visit:
        """On kernel 2n exhibit n is without its fix, on kernel 2n + 1 with it."""
        return cls(bugs, [kernel for bug in bugs for kernel in (bug.broken, bug.kernel)])

    def look(self, bug: Bug, number: int) -> Seen:
        """Explore an exhibit's cases on one of the kernels."""
        began = time.perf_counter()
        target = self.targets[number]
        result = self.checker.run(cases=bug.chosen(), targets=[number])[0]
        missing: tuple[str, ...] = ()
        found = result.shortest
        if found is not None and found.violation is not None:
            execution = confirm(found.case, bug.scenario.config, target, found.violation)
            programs = [task.__name__ for task in found.case.tasks]
            missing = tuple(
                not_shown(execution, programs, bug.key_steps, len(found.violation.steps))
            )
        elif result.verdict is Verdict.HOLDS:
            reached = frozenset[str]().union(*(case.reached for case in result.cases))
            names = [fn.__name__ for fn in bug.reached]
            missing = tuple(name for name in names if name not in reached)
        return Seen(bug, result, time.perf_counter() - began, missing)


def by_scenario(bugs: Iterable[Bug]) -> list[list[Bug]]:
    """Exhibits that can be compiled together."""
    groups: dict[str, list[Bug]] = {}
    for bug in bugs:
        groups.setdefault(bug.scenario.name, []).append(bug)
    return list(groups.values())


def show(bugs: Sequence[Bug]) -> dict[str, Shown]:
    """Look at exhibits from both sides; by name. All of one scenario are compiled together."""
    shown = {}
    for group in by_scenario(bugs):
        began = time.perf_counter()
        visit = Visit.of_both_sides(group)
        share = (time.perf_counter() - began) / len(group)
        for n, bug in enumerate(group):
            without, with_it = visit.look(bug, 2 * n), visit.look(bug, 2 * n + 1)
            without = replace(without, seconds=without.seconds + share)
            shown[bug.name] = Shown(bug, without, with_it)
    return {bug.name: shown[bug.name] for bug in bugs}


def ask(bugs: Sequence[Bug], kernel: Kernel) -> dict[str, Seen]:
    """Look for each fault in a kernel, to which the fixes of the others have been added."""
    return ask_several(bugs, [kernel])[0]


def ask_several(bugs: Sequence[Bug], kernels: Sequence[Kernel]) -> list[dict[str, Seen]]:
    """The same for each of some kernels, which are compiled together."""
    others = other_fixes(bugs)
    seen: list[dict[str, Seen]] = [{} for _ in kernels]
    most = max(1, MOST_KERNELS // len(kernels))
    for group in by_scenario(bugs):
        for some in (group[at : at + most] for at in range(0, len(group), most)):
            pairs = [(n, bug) for n in range(len(kernels)) for bug in some]
            visit = Visit(some, [bug.on(kernels[n], others) for n, bug in pairs])
            for number, (n, bug) in enumerate(pairs):
                seen[n][bug.name] = visit.look(bug, number)
    return [{bug.name: answers[bug.name] for bug in bugs} for answers in seen]


def other_fixes(bugs: Iterable[Bug]) -> tuple[Change, ...]:
    """Fixes that a kernel is given so that one fault can be looked for alone."""
    found = [bug.fixed for bug in bugs if bug.mutant is None]
    return tuple(dict.fromkeys([*found, *LATER_FIXES, *OUR_FIXES]))


# ----------------------------------------------------------------------------------- key steps


def not_shown(
    execution: Execution, programs: Sequence[str], key_steps: Sequence[str], exits_after: int
) -> list[str]:
    """Of key steps, the first that an execution does not show after those before it, and the rest.

    exits_after: the number of the last step that is not part of an exit.
    """
    wanted = [tuple(part.strip() for part in step.split(":")) for step in key_steps]
    at = 0
    for step in execution.steps:
        program = programs[step.task] if step.number <= exits_after else "exit_mm"
        while at < len(wanted) and _shows(step, program, wanted[at], execution):
            at += 1
            if at < len(wanted) and wanted[at] == wanted[at - 1]:
                break
    return list(key_steps[at:])


def _shows(step: StepTaken, program: str, wanted: tuple[str, ...], execution: Execution) -> bool:
    """Whether a step is what a key step speaks of."""
    who, function, *effect = wanted
    if who != program:
        return False
    verb, _, field = effect[0].partition(" ") if effect else ("", "", "")
    for event in step.events:
        if any(place.call.function == function for place in event.stack):
            access = event.access
            if not effect or (access.field.name == field and f"{access.kind}s" == verb):
                return True
    # where it fails before it has accessed anything
    stack = execution.end.stack if step is execution.steps[-1] else ()
    return not effect and any(place.call.function == function for place in stack)
