"""No false alarms: `python -m tests.no_alarms`, or `make no-alarms`.

v4.14 with every fix (and with what a scenario is about, where that came later) has no violation in
any scenario; not either in scopes that are larger than those in which scenarios are usually
explored. Each scenario is explored in one scope after the other, until time runs out: with a third
thread that does again what the first task, or the second, does; with huge pages of more subpages;
with both.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator

from mmspec.checker import Checker, Options, Result, Target, Verdict
from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_14
from mmspec.lang import Config
from mmspec.lang.program import text_of
from mmspec.scenarios import NAMES, Case, Scenario, scenario_named
from mmspec.scenarios.scenario import Program
from mmspec.search.bfs import Budget
from mmspec.spec.page.syscalls import share_mm

#: What a third thread's task is called: 2 is the number of children that are born meanwhile.
THIRD = 3


def third_thread() -> None:
    """A third thread, of the first process."""
    share_mm(3)


@dataclasses.dataclass(frozen=True)
class Scope:
    """How much larger than usual: more subpages by powers of two, and a third thread or not."""

    order: int = 0
    third: bool = False

    def describe(self, scenario: Scenario) -> str:
        """The scope in words."""
        subpages = 1 << (scenario.config.sizes["order"] + self.order)
        tasks = max(len(case.tasks) for case in scenario.cases) + self.third
        return f"{subpages} subpages, {tasks} tasks"


SCOPES = (Scope(), Scope(1), Scope(0, True), Scope(1, True))


#: Scenarios about something that v4.14 does not have: their last kernel does, and its fixes.
LATER = ("write_protected", "protected_copied", "filled", "emptied", "aged", "swapped_beside")

#: What is not done by two threads at once: waiting for a store that happens once; what the first
#: thread's pin is for; dumping core, which ends all other threads; running the guest's processor;
#: reaping what the oom killer chose, which one kernel thread does.
ONCE = {
    "write_protected": ("allow", "protect_and_store"),
    "protected_copied": ("use",),
    "pinned": ("balance_and_io",),
    "pinned_reclaimed": ("use",),
    "collapsed": ("dump",),
    "guests": ("run",),
    "filled": ("serve",),
    "reaped": ("reap",),
}


def kernel_for(scenario: Scenario) -> Kernel:
    """v4.14 with every fix, and with what a scenario is about."""
    made = scenario.rows[-1].kernel if scenario.name in LATER else v4_14
    return made.with_all_fixes()


class Wider(Checker):
    """Checks a scenario in a larger scope."""

    def __init__(self, scenario: Scenario, scope: Scope, options: Options) -> None:
        sizes = scenario.config.sizes
        made = Config.of(
            **{
                **sizes,
                "order": sizes["order"] + scope.order,
                "frames": sizes["frames"] << scope.order,
                "tasks": max(sizes["tasks"], THIRD + scope.third),
            }
        )
        self.phases: list[Program] = [third_thread] if scope.third else []
        cases = tuple(_wider(scenario)) if scope.third else scenario.cases
        programs = tuple(Case(fn.__name__, fn, ()) for fn in self.phases)
        # what a scenario asks for speaks of its own tasks, and of no third
        known = dataclasses.replace(
            scenario,
            cases=(*scenario.cases, *programs),
            config=made,
            also=() if scope.third else scenario.also,
        )
        super().__init__(known, [Target(kernel_for(scenario))], options)
        self.cases = cases

    def initial(self, case: Case, number: int) -> bytes:
        """The state after the set-up, with one more thread."""
        phases = [(0, fn) for fn in (case.set_up, *self.phases)]
        state, _ = self.machine.initial(phases, case.tasks, number)
        return state


def _has_room(case: Case) -> bool:
    """Whether a third thread is added: there are others, and it has a number left."""
    return 1 < len(case.tasks) <= THIRD


def _wider(scenario: Scenario) -> Iterator[Case]:
    """Each case with a third thread, which does what one of the others does."""
    once = ONCE.get(scenario.name, ())
    for case in scenario.cases:
        if not _has_room(case):
            yield case
            continue
        for task in dict.fromkeys(case.tasks):
            if "fork" in text_of(task).__code__.co_names:
                # there is one task for a child
                continue
            if task.__name__ in once:
                continue
            tasks = (*case.tasks, *[None] * (THIRD - len(case.tasks)), task)
            yield dataclasses.replace(
                case,
                name=f"{case.name} and {task.__name__}",
                tasks=tasks,  # type: ignore[arg-type]
            )


def explore(scenario: Scenario, scope: Scope, seconds: float, workers: int) -> Result | None:
    """Explore a scenario; None if time ran out."""
    deadline = time.monotonic() + seconds
    checker = Wider(scenario, scope, Options())
    results = []
    for case in checker.cases:
        if not case.applies(checker.targets[0].kernel):
            continue
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        budget = Budget(seconds=left, memory=4 << 30)
        checker.options = dataclasses.replace(checker.options, budget=budget)
        result = checker.run_case(case, 0, workers)
        if result.verdict is Verdict.UNDETERMINED and result.outcome.stopped:
            return None
        results.append(result)
    return Result(scenario, checker.targets[0], results, [], [])


def main() -> int:
    """Explore scenarios, and print what became of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios, all if none is named")
    parser.add_argument("--seconds", type=float, default=600, help="for each scenario")
    parser.add_argument("--workers", type=int, default=2, help="threads of a search")
    chosen = parser.parse_args()
    worst = {verdict: 0 for verdict in Verdict}
    for name in chosen.names or NAMES:
        scenario = scenario_named(name)
        left, verdict = chosen.seconds, Verdict.UNDETERMINED
        wider = any(_has_room(case) for case in scenario.cases)
        for scope in SCOPES if wider else SCOPES[:2]:
            began = time.monotonic()
            result = explore(scenario, scope, left, chosen.workers)
            took = time.monotonic() - began
            left -= took
            where = f"{name:14} {scope.describe(scenario):22}"
            if result is None:
                print(f"{where} {'':12} {took:7.1f} s  time or memory ran out", flush=True)
                break
            verdict = result.verdict
            print(f"{where} {result.states:12,} {took:7.1f} s  {verdict.value}", flush=True)
            for case in result.cases:
                if case.verdict is not Verdict.HOLDS:
                    found = case.violation
                    text = f"{found.name}, {len(found.steps)} steps" if found else case.reason
                    print(f"  {case.case.name}: {text}", flush=True)
            if verdict is not Verdict.HOLDS:
                break
        worst[verdict] += 1
    violated, undetermined = worst[Verdict.VIOLATED], worst[Verdict.UNDETERMINED]
    print(
        f"no-alarms: {sum(worst.values())} scenarios, {violated} violated, "
        f"{undetermined} undetermined"
    )
    return Verdict.VIOLATED.exit_code if violated else 2 * bool(undetermined)


if __name__ == "__main__":
    sys.exit(main())
