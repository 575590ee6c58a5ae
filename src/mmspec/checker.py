"""Check scenarios on kernels: compile, search, say what was found and what was not explored."""

from __future__ import annotations

import dataclasses
import enum
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmspec.compiler.build import build
from mmspec.compiler.conventions import BLOCKED, VIOLATED, KernelView
from mmspec.compiler.machine import Machine, Step
from mmspec.kernels import WATCHED, Kernel
from mmspec.properties import (
    AFTER_EXIT,
    ALWAYS,
    AT_REST,
    PROPERTIES,
    Property,
    property_of,
)
from mmspec.scenarios.scenario import Case, Scenario, Witness
from mmspec.search.bfs import (
    Budget,
    Finding,
    Outcome,
    Progress,
    Search,
    Workspace,
    run_alone,
)
from mmspec.search.engine import MAX_ENDS
from mmspec.search.symmetry import interchangeable
from mmspec.spec.page.mm_types import Cpu, TaskStruct
from mmspec.spec.page.syscalls import exit_mm

if TYPE_CHECKING:
    from mmspec.compiler.system import System
    from mmspec.search.random_runs import RunsOutcome


class Verdict(enum.Enum):
    """What a check says. `value` is the word, `exit_code` what the command returns."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNDETERMINED = "undetermined"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2; 3 is for errors of usage."""
        return list(Verdict).index(self)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Violated if any is; else undetermined if any is."""
    found = set(verdicts)
    for verdict in (Verdict.VIOLATED, Verdict.UNDETERMINED):
        if verdict in found:
            return verdict
    return Verdict.HOLDS


@dataclass(frozen=True)
class Options:
    """How to check.

    merged, memo, symmetry: reductions that can be switched off. properties: names, empty for all.
    workers: threads. all_cases: go on with the others after a case that is violated.
    """

    merged: bool = True
    memo: bool = True
    symmetry: bool = True
    properties: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    workers: int = 1
    all_cases: bool = False

    def wants(self, made: Property) -> bool:
        """Whether a property is to be checked."""
        return not self.properties or made.name in self.properties


@dataclass(frozen=True)
class Target:
    """A kernel to check. watched: for all properties; without, only for what it notices itself."""

    kernel: Kernel
    watched: bool = True

    @property
    def view(self) -> KernelView:
        """What the compiler has to know."""
        extra = {WATCHED} if self.watched else set()
        return KernelView(self.kernel.changes | extra, self.kernel.debug_vm)


@dataclass(frozen=True)
class Violation:
    """A property that does not hold, and the steps after the set-up that show it.

    kind, text: of a bug; kind is "property" if a predicate is false, "deadlock" if nothing can go
    on. exits: how many processes have exited after the last step, one after the other.
    """

    broken: Property | None
    kind: str
    text: str
    steps: tuple[Step, ...]
    task: int
    exits: int = 0

    @property
    def name(self) -> str:
        """The property's name."""
        if self.broken is not None:
            return self.broken.name
        return "no_deadlock" if self.kind == "deadlock" else "the_model_is_sound"


@dataclass
class CaseResult:
    """What exploring one case on one kernel gave.

    reason: why it is undetermined. reached: names of functions that some task got to. ends:
    how many states there are in which all tasks have ended.
    """

    case: Case
    verdict: Verdict
    outcome: Outcome
    violation: Violation | None = None
    reason: str = ""
    reached: frozenset[str] = frozenset()
    ends: int = 0


@dataclass(frozen=True)
class RandomResult:
    """What random runs of one case gave: that nothing was found proves nothing."""

    case: Case
    outcome: RunsOutcome
    violation: Violation | None


@dataclass
class Result:
    """What checking a scenario on one kernel gave.

    missing: witnesses that no case has reached although the search was exhausted. skipped: cases
    that were not explored, because one before them is violated, or it was interrupted.
    """

    scenario: Scenario
    target: Target
    cases: list[CaseResult]
    missing: list[Witness]
    skipped: list[Case]

    @property
    def verdict(self) -> Verdict:
        """Violated if any case is; undetermined if any is, or if a witness is missing."""
        found = worst(result.verdict for result in self.cases)
        if found is Verdict.HOLDS and (self.missing or self.skipped or not self.cases):
            return Verdict.UNDETERMINED
        return found

    @property
    def states(self) -> int:
        """States of all cases."""
        return sum(result.outcome.states for result in self.cases)

    @property
    def transitions(self) -> int:
        """Transitions of all cases."""
        return sum(result.outcome.transitions for result in self.cases)

    @property
    def shortest(self) -> CaseResult | None:
        """The violated case with the fewest steps."""
        found = [result for result in self.cases if result.violation is not None]
        return min(found, key=lambda r: len(r.violation.steps) if r.violation else 0, default=None)


class Checker:
    """A scenario compiled once for a family of kernels."""

    def __init__(
        self, scenario: Scenario, targets: Sequence[Target], options: Options = Options()
    ) -> None:
        self.scenario = scenario
        self.targets = list(targets)
        self.options = options
        known = [made for made in PROPERTIES.values() if made not in scenario.violated_anyway]
        wanted = [made for made in [*known, *scenario.also] if options.wants(made)]
        self.always = [made for made in wanted if made.when == ALWAYS]
        self.at_rest = [made for made in wanted if made.when == AT_REST]
        self.after_exit = [made for made in wanted if made.when == AFTER_EXIT]
        groups = [
            [made.holds for made in group if made.holds is not None]
            for group in (self.always, self.at_rest, self.after_exit)
        ]
        entries: list[Callable[[], None]] = [*scenario.programs(), exit_mm]
        views = [target.view for target in self.targets]
        self._arguments = entries, scenario.config, views
        self.machine: Machine = build(*self._arguments, merged=options.merged, groups=groups)
        self._local = threading.local()
        self._running: set[Search] = set()
        self._interrupted = False

    # ------------------------------------------------------------------ one case

    def search(self, case: Case, number: int, workers: int = 1, *, plain: bool = False) -> Search:
        """A search that has not begun; the previous one in this thread is forgotten.

        plain: take all tasks for different.
        """
        initial = self.initial(case, number)
        symmetry = None
        if self.options.symmetry and not plain:
            symmetry = interchangeable(self.machine, initial, _OF_TASKS)
        key = (len(case.tasks), workers, symmetry)
        spaces: dict[Any, Workspace] = self._local.__dict__.setdefault("spaces", {})
        if key not in spaces:
            memory = self.options.budget.memory
            spaces[key] = Workspace(
                self.machine, len(case.tasks), workers=workers, memory=memory, symmetry=symmetry
            )
        watched = self.targets[number].watched
        return Search(
            self.machine,
            initial,
            number,
            workspace=spaces[key],
            invariants=0 if self.always and watched else -1,
            required=(1 << len(self.always)) - 1,
            finals=1 if self.at_rest and watched else -1,
            final_mask=(1 << len(self.at_rest)) - 1,
            budget=self.options.budget,
            memo=self.options.memo,
        )

    def initial(self, case: Case, number: int) -> bytes:
        """The state after the set-up, with the tasks about to begin."""
        state, _ = self.machine.initial([(0, case.set_up)], case.tasks, number)
        return state

    def run_case(
        self,
        case: Case,
        kernel: int,
        workers: int = 1,
        watch: Callable[[Progress], None] | None = None,
    ) -> CaseResult:
        """Explore one case on one kernel."""
        result = self._explore(case, kernel, workers, watch)
        if result.outcome.stopped == "asymmetry":
            result = self._explore(case, kernel, workers, watch, plain=True)
        return result

    def _explore(
        self,
        case: Case,
        kernel: int,
        workers: int,
        watch: Callable[[Progress], None] | None,
        plain: bool = False,
    ) -> CaseResult:
        search = self.search(case, kernel, workers, plain=plain)
        self._running.add(search)
        try:
            outcome = search.run(watch)
            if outcome.stopped == "interrupted":
                self._interrupted = True
            violation = None
            if outcome.findings and outcome.stopped != "asymmetry":
                violation = self._violation(search, outcome.findings[0])
            elif not outcome.stopped:
                violation = self._exits(search)
            return self._result(case, search, outcome, violation)
        finally:
            self._running.discard(search)
            search.close()

    def full_system(self) -> System:
        """The machine with what its states mean: for exports, for looking into states."""
        from mmspec.compiler.system import System

        if isinstance(self.machine, System):
            return self.machine
        return System(*self._arguments, merged=self.options.merged)

    def interrupt(self) -> None:
        """Have `run` come back soon, with what was found so far."""
        self._interrupted = True
        for search in list(self._running):
            search.stop()

    def _result(
        self, case: Case, search: Search, outcome: Outcome, violation: Violation | None
    ) -> CaseResult:
        verdict, reason = Verdict.HOLDS, ""
        if violation is not None:
            verdict = Verdict.VIOLATED
            if violation.kind in ("overflow", "choice"):
                verdict, reason = Verdict.UNDETERMINED, f"the model gives up: {violation.text}"
                violation = None
        elif outcome.stopped:
            verdict, reason = Verdict.UNDETERMINED, _WHY[outcome.stopped]
        elif search.end_count > MAX_ENDS:
            verdict, reason = Verdict.UNDETERMINED, "of too many final states not all were left"
        elif search.end_count == 0:
            verdict, reason = Verdict.UNDETERMINED, "no interleaving ever ends"
        return CaseResult(
            case, verdict, outcome, violation, reason, self._reached(search), search.end_count
        )

    def _reached(self, search: Search) -> frozenset[str]:
        """Functions in which a task has stopped."""
        stops = self.machine.listing.stops
        return frozenset(stops[pc - 1][0] for pc in search.counters() if 0 < pc <= len(stops))

    def _violation(self, search: Search, finding: Finding) -> Violation:
        steps = tuple(search.schedule(finding))
        if finding.kind == "deadlock":
            return Violation(None, "deadlock", "nothing can go on", steps, -1)
        if finding.kind in ("invariant", "final"):
            group = self.always if finding.kind == "invariant" else self.at_rest
            made = next(p for k, p in enumerate(group) if finding.detail >> k & 1)
            task = steps[-1][0] if finding.kind == "invariant" else finding.task
            return Violation(made, "property", made.sentence, steps, task)
        state = search.store.state_bytes(finding.state)
        _, after = self.machine.step(state, finding.task, finding.choice, search.kernel)
        found = self._fault(after, finding.task, steps)
        # where tasks are interchangeable, another one may have failed
        return dataclasses.replace(found, task=steps[-1][0])

    def _fault(self, state: bytes, task: int, steps: tuple[Step, ...], exits: int = 0) -> Violation:
        fault = self.machine.failure(state, task)
        return Violation(property_of(fault.kind), fault.kind, fault.text, steps, task, exits)

    def _exits(self, search: Search) -> Violation | None:
        """From every state in which tasks have ended, let every process exit, one after another."""
        for number in search.ends():
            for state in search.variants(number):
                found = self._exit_from(state, search.kernel)
                if found is not None:
                    steps = search.schedule_of(number, state)
                    return dataclasses.replace(found, steps=tuple(steps))
        return None

    def _exit_from(self, state: bytes, kernel: int) -> Violation | None:
        # a child that was forked has no task to run, but exits too
        tasks = self.machine.listing.pools[TaskStruct.__name__]
        state += bytes((tasks - self.machine.tasks_of(state)) * self.machine.record_size)
        for task in range(tasks):
            buffer = bytearray(state)
            self.machine.place(buffer, task, exit_mm)
            result, state = run_alone(self.machine, bytes(buffer), task, kernel)
            if result & VIOLATED:
                return self._fault(state, task, (), task + 1)
            if result == BLOCKED:
                return Violation(None, "deadlock", "exit does not come back", (), task, task + 1)
        if self.after_exit and self.targets[kernel].watched:
            truth = self.machine.predicates(2, state, kernel)
            for k, made in enumerate(self.after_exit):
                if not truth >> k & 1:
                    return Violation(made, "property", made.sentence, (), -1, tasks)
        return None

    # ------------------------------------------------------------------ random runs

    def run_randomly(
        self, case: Case, number: int, *, seed: int, runs: int, depth: int | None = None
    ) -> RandomResult:
        """Make random runs of one case; depth: for priorities (PCT). The budget's time is kept."""
        from mmspec.search import random_runs

        watched = self.targets[number].watched
        initial = self.initial(case, number)
        outcome = random_runs.runs(
            self.machine,
            initial,
            number,
            seed=seed,
            runs=runs,
            depth=depth,
            invariants=0 if self.always and watched else -1,
            required=(1 << len(self.always)) - 1,
            finals=1 if self.at_rest and watched else -1,
            final_mask=(1 << len(self.at_rest)) - 1,
            seconds=self.options.budget.seconds,
            objects=lambda state: self._exit_from(state, number) is not None,
        )
        bad = outcome.found
        if bad is None:
            return RandomResult(case, outcome, None)
        steps = tuple(bad.steps)
        if bad.kind == "fault":
            return RandomResult(case, outcome, self._fault(bad.state, bad.task, steps))
        if bad.kind == "deadlock":
            made = Violation(None, "deadlock", "nothing can go on", steps, -1)
            return RandomResult(case, outcome, made)
        if bad.kind == "end":
            found = self._exit_from(bad.state, number)
            assert found is not None
            return RandomResult(case, outcome, dataclasses.replace(found, steps=steps))
        group = self.always if bad.kind == "invariant" else self.at_rest
        broken = next(p for k, p in enumerate(group) if bad.detail >> k & 1)
        made = Violation(broken, "property", broken.sentence, steps, bad.task)
        return RandomResult(case, outcome, made)

    # ------------------------------------------------------------------ all of it

    def run(
        self,
        watch: Callable[[int, Case, Progress | CaseResult], None] | None = None,
        cases: Sequence[Case] | None = None,
        targets: Sequence[int] | None = None,
        known: Mapping[tuple[int, str], CaseResult] = {},
    ) -> list[Result]:
        """Explore every case on every target, or on some; `watch` hears of it, from any thread.

        With several workers, cases run side by side; a single one gets them all. known: results
        of a target's cases, by name, that need not be explored.
        """
        chosen = list(self.scenario.cases if cases is None else cases)
        numbers = list(range(len(self.targets)) if targets is None else targets)
        jobs = [
            (number, case)
            for number in numbers
            for case in chosen
            if case.applies(self.targets[number].kernel)
        ]
        alone = len(jobs) < self.options.workers
        violated: set[int] = set()

        def job(number: int, case: Case) -> CaseResult | None:
            if self._interrupted or (number in violated and not self.options.all_cases):
                return None
            if (number, case.name) in known:
                return known[number, case.name]
            tell = None
            if watch is not None:
                hear = watch
                tell = lambda progress: hear(number, case, progress)  # noqa: E731
            result = self.run_case(case, number, self.options.workers if alone else 1, tell)
            if result.violation is not None:
                violated.add(number)
            if watch is not None:
                watch(number, case, result)
            return result

        if alone or self.options.workers == 1:
            found = [job(*item) for item in jobs]
        else:
            with ThreadPoolExecutor(self.options.workers) as pool:
                pending = [pool.submit(job, *item) for item in jobs]
                try:
                    wait(pending)
                except KeyboardInterrupt:
                    self.interrupt()
                found = [future.result() for future in pending]
        return [
            self._collect(
                number,
                [(case, r) for (n, case), r in zip(jobs, found, strict=True) if n == number],
                cases is None,
            )
            for number in numbers
        ]

    def _collect(
        self, number: int, found: list[tuple[Case, CaseResult | None]], complete: bool
    ) -> Result:
        """Up to the first violated case: what threads did beyond it depends on chance."""
        results: list[CaseResult] = []
        for _, result in found:
            if result is None:
                break
            results.append(result)
            if result.violation is not None and not self.options.all_cases:
                break
        skipped = [case for case, _ in found[len(results) :]]
        target = self.targets[number]
        missing = self._missing(target.kernel, results, complete and not skipped)
        return Result(self.scenario, target, results, missing, skipped)

    def _missing(
        self, kernel: Kernel, results: Sequence[CaseResult], complete: bool
    ) -> list[Witness]:
        """Witnesses not reached; they count only if every case was explored to its end."""
        if not complete or any(r.verdict is not Verdict.HOLDS for r in results):
            return []
        reached = frozenset[str]().union(*(r.reached for r in results))
        return [
            witness
            for witness in self.scenario.witnesses
            if all(change in kernel for change in witness.needs)
            and witness.reached.__name__ not in reached
        ]


#: Structs that have one instance for each task.
_OF_TASKS = (TaskStruct.__name__, Cpu.__name__)

_WHY = {
    "asymmetry": "tasks are not interchangeable",
    "states": "the limit of states was reached",
    "time": "time ran out",
    "memory": "memory ran out",
    "interrupted": "it was interrupted",
}


def check(
    scenario: Scenario,
    kernel: Kernel,
    options: Options = Options(),
    *,
    cases: Sequence[str] = (),
    watch: Callable[[int, Case, Progress | CaseResult], None] | None = None,
) -> Result:
    """Explore a scenario on one kernel: every case, or the named ones.

    UnknownName if there is no such case. For several kernels, `Checker` compiles once.
    """
    chosen = [scenario.case(name) for name in cases]
    return Checker(scenario, [Target(kernel)], options).run(watch, chosen or None)[0]
