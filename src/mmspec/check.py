"""Check scenarios on kernels: compile, search, say what was found and what was not explored."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mmspec.compiler.frontend import KernelView
from mmspec.compiler.llvm import BLOCKED, VIOLATED
from mmspec.compiler.system import System
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
from mmspec.spec.page.mm_types import TaskStruct
from mmspec.spec.page.syscalls import exit_mm

Step = tuple[int, int]


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

    merged, memo: reductions that can be switched off. watched: also what no kernel checks; without,
    only what a kernel would notice itself. properties: names, empty for all. workers: threads.
    """

    merged: bool = True
    memo: bool = True
    watched: bool = True
    properties: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    workers: int = 1

    def wants(self, made: Property) -> bool:
        """Whether a property is to be checked."""
        return not self.properties or made.name in self.properties


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


@dataclass
class Result:
    """What checking a scenario on one kernel gave.

    missing: witnesses that no case has reached although the search was exhausted.
    """

    scenario: Scenario
    kernel: Kernel
    cases: list[CaseResult]
    missing: list[Witness]
    name: str = ""

    @property
    def verdict(self) -> Verdict:
        """Violated if any case is; undetermined if any is, or if a witness is missing."""
        found = worst(result.verdict for result in self.cases)
        if found is Verdict.HOLDS and self.missing:
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
        self, scenario: Scenario, kernels: Sequence[Kernel], options: Options = Options()
    ) -> None:
        self.scenario = scenario
        self.kernels = list(kernels)
        self.options = options
        wanted = [made for made in PROPERTIES.values() if options.wants(made)]
        self.always = [made for made in wanted if made.when == ALWAYS and options.watched]
        self.at_rest = [made for made in wanted if made.when == AT_REST and options.watched]
        self.after_exit = [made for made in wanted if made.when == AFTER_EXIT and options.watched]
        groups = [
            [made.holds for made in group if made.holds is not None]
            for group in (self.always, self.at_rest, self.after_exit)
        ]
        extra = {WATCHED} if options.watched else set()
        views = [KernelView(kernel.changes | extra, kernel.debug_vm) for kernel in kernels]
        self.system = System(
            [*scenario.programs(), exit_mm],
            scenario.config,
            views,
            merged=options.merged,
            groups=groups,
        )
        self._local = threading.local()

    # ------------------------------------------------------------------ one case

    def search(self, case: Case, kernel: int, workers: int = 1) -> Search:
        """A search that has not begun; the previous one in this thread is forgotten."""
        key = (len(case.tasks), workers)
        spaces: dict[tuple[int, int], Workspace] = self._local.__dict__.setdefault("spaces", {})
        if key not in spaces:
            memory = self.options.budget.memory
            spaces[key] = Workspace(self.system, key[0], workers=workers, memory=memory)
        return Search(
            self.system,
            self.initial(case, kernel),
            kernel,
            workspace=spaces[key],
            invariants=0 if self.always else -1,
            required=(1 << len(self.always)) - 1,
            finals=1 if self.at_rest else -1,
            final_mask=(1 << len(self.at_rest)) - 1,
            budget=self.options.budget,
            memo=self.options.memo,
        )

    def initial(self, case: Case, kernel: int) -> bytes:
        """The state after the set-up, with the tasks about to begin."""
        state, _ = self.system.initial([(0, case.set_up)], case.tasks, kernel)
        return state

    def run_case(
        self,
        case: Case,
        kernel: int,
        workers: int = 1,
        watch: Callable[[Progress], None] | None = None,
    ) -> CaseResult:
        """Explore one case on one kernel."""
        search = self.search(case, kernel, workers)
        try:
            outcome = search.run(watch)
            violation = None
            if outcome.findings:
                violation = self._violation(search, outcome.findings[0])
            elif not outcome.stopped:
                violation = self._exits(search)
            return self._result(case, search, outcome, violation)
        finally:
            search.close()

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
        elif search.end_count == 0:
            verdict, reason = Verdict.UNDETERMINED, "no interleaving ever ends"
        return CaseResult(
            case, verdict, outcome, violation, reason, self._reached(search), search.end_count
        )

    def _reached(self, search: Search) -> frozenset[str]:
        """Functions in which a task has stopped."""
        sites = self.system.module.sites
        return frozenset(
            sites[pc - 1].function.display for pc in search.counters() if 0 < pc <= len(sites)
        )

    def _violation(self, search: Search, finding: Finding) -> Violation:
        steps = tuple(search.schedule(finding))
        if finding.kind == "deadlock":
            return Violation(None, "deadlock", "nothing can go on", steps, -1)
        if finding.kind in ("invariant", "final"):
            group = self.always if finding.kind == "invariant" else self.at_rest
            made = next(p for k, p in enumerate(group) if finding.detail >> k & 1)
            return Violation(made, "property", made.sentence, steps, finding.task)
        state = search.store.state_bytes(finding.state)
        _, after = self.system.step(state, finding.task, finding.choice, search.kernel)
        return self._fault(after, finding.task, search.kernel, steps)

    def _fault(
        self, state: bytes, task: int, kernel: int, steps: tuple[Step, ...], exits: int = 0
    ) -> Violation:
        fault = self.system.task(state, task, kernel).fault
        assert fault is not None
        return Violation(property_of(fault.kind), fault.kind, fault.text, steps, task, exits)

    def _exits(self, search: Search) -> Violation | None:
        """From every state in which tasks have ended, let every process exit, one after another."""
        for number in search.ends():
            state = search.store.state_bytes(number)
            found = self._exit_from(state, search.kernel)
            if found is not None:
                steps = tuple(search.schedule_to(number))
                return Violation(
                    found.broken, found.kind, found.text, steps, found.task, found.exits
                )
        return None

    def _exit_from(self, state: bytes, kernel: int) -> Violation | None:
        # a child that was forked has no task to run, but exits too
        tasks = self.system.layout.count[TaskStruct]
        state += bytes((tasks - self.system.tasks_of(state)) * self.system.record_size)
        for task in range(tasks):
            buffer = bytearray(state)
            self.system.place(buffer, task, exit_mm)
            result, state = run_alone(self.system, bytes(buffer), task, kernel)
            if result & VIOLATED:
                return self._fault(state, task, kernel, (), task + 1)
            if result == BLOCKED:
                return Violation(None, "deadlock", "exit does not come back", (), task, task + 1)
        if self.after_exit:
            truth = self.system.predicates(2, state, kernel)
            for k, made in enumerate(self.after_exit):
                if not truth >> k & 1:
                    return Violation(made, "property", made.sentence, (), -1, tasks)
        return None

    # ------------------------------------------------------------------ all of it

    def run(
        self,
        watch: Callable[[int, Case, Progress | CaseResult], None] | None = None,
        cases: Sequence[Case] | None = None,
    ) -> list[Result]:
        """Explore every case on every kernel; `watch` hears of progress, from any thread.

        With several workers, cases run side by side; a single one gets them all.
        """
        chosen = list(self.scenario.cases if cases is None else cases)
        jobs = [
            (number, case)
            for number, kernel in enumerate(self.kernels)
            for case in chosen
            if case.applies(kernel)
        ]
        alone = len(jobs) < self.options.workers

        def job(kernel: int, case: Case) -> CaseResult:
            tell = None
            if watch is not None:
                hear = watch
                tell = lambda progress: hear(kernel, case, progress)  # noqa: E731
            result = self.run_case(case, kernel, self.options.workers if alone else 1, tell)
            if watch is not None:
                watch(kernel, case, result)
            return result

        if alone or self.options.workers == 1:
            found = [job(*item) for item in jobs]
        else:
            with ThreadPoolExecutor(self.options.workers) as pool:
                found = list(pool.map(lambda item: job(*item), jobs))
        by_kernel: list[list[CaseResult]] = [[] for _ in self.kernels]
        for (kernel, _), result in zip(jobs, found, strict=True):
            by_kernel[kernel].append(result)
        return [
            Result(self.scenario, kernel, results, self._missing(kernel, results, cases is None))
            for kernel, results in zip(self.kernels, by_kernel, strict=True)
        ]

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


_WHY = {
    "states": "the limit of states was reached",
    "time": "time ran out",
    "memory": "memory ran out",
    "interrupted": "it was interrupted",
}


def check(
    scenario: Scenario,
    kernel: Kernel,
    options: Options = Options(),
    watch: Callable[[int, Case, Progress | CaseResult], None] | None = None,
) -> Result:
    """Explore every case of a scenario on one kernel."""
    return Checker(scenario, [kernel], options).run(watch)[0]
