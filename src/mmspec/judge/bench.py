"""What a diagram is judged against: a scenario compiled for one or more kernels.

Each kernel is there twice: as it is (a), where only what it notices itself ends an execution, and
with everything watched (b). Diagrams are looked for in (a); (b) says what they violate.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence
from functools import cached_property
from types import FunctionType

import mmspec.spec
from mmspec.checker import Checker, Options, Target, Violation
from mmspec.compiler import ir
from mmspec.compiler.conventions import BLOCKED, VIOLATED
from mmspec.compiler.machine import Failure, Step
from mmspec.judge.claims import Vocabulary
from mmspec.judge.graph import Graph
from mmspec.judge.memory import Memory
from mmspec.judge.traced import TracedSystem
from mmspec.kernels import Kernel
from mmspec.lang.primitives import KernelFunction
from mmspec.properties import property_of
from mmspec.report.names import _FLAGS
from mmspec.scenarios.scenario import Case, Program, Scenario
from mmspec.search.bfs import Budget
from mmspec.spec.page.mm_types import TaskStruct
from mmspec.spec.page.syscalls import exit_mm

#: How much is explored behind a diagram, for what may go wrong there.
_BEHIND = Budget(states=2_000_000, seconds=30)


class _Continued(Checker):
    """A checker whose cases begin in a given state."""

    start = b""

    def initial(self, case: Case, number: int) -> bytes:
        return self.start


class Bench:
    """A scenario and kernels, ready to be asked."""

    def __init__(self, scenario: Scenario, kernels: Sequence[Kernel]) -> None:
        self.scenario = scenario
        self.kernels = list(kernels)
        self.targets = [
            Target(kernel, watched) for kernel in self.kernels for watched in (False, True)
        ]
        entries: list[Program] = [*scenario.programs(), exit_mm]
        views = [target.view for target in self.targets]
        self.system = TracedSystem(entries, scenario.config, views)
        self.memory = Memory(self.system)
        self._graphs: dict[tuple[str, int], Graph] = {}
        self._called: dict[tuple[Program, int], frozenset[str]] = {}

    @cached_property
    def checker(self) -> _Continued:
        """What says which properties hold: its states are those of `system`."""
        options = Options(merged=False, symmetry=False, budget=_BEHIND)
        return _Continued(self.scenario, self.targets, options)

    def vocabulary(self, meant: dict[str, str]) -> Vocabulary:
        """Names that diagrams may use."""
        names = {*kernel_names().values(), *self.system.names}
        return Vocabulary(names, _FLAGS.values(), meant)

    @property
    def programs(self) -> list[str]:
        """Names of the programs that tasks run."""
        return list({task.__name__: None for case in self.scenario.cases for task in case.tasks})

    @property
    def processes(self) -> int:
        """How many there can be, those included that run no program."""
        return self.system.layout.count[TaskStruct]

    def graph(self, case: Case, number: int) -> Graph:
        """The states of a case on a kernel; the last few are kept."""
        key = case.name, number
        if key not in self._graphs:
            while len(self._graphs) >= 2:
                del self._graphs[next(iter(self._graphs))]
            self._graphs[key] = Graph(self.system, case, 2 * number)
        return self._graphs[key]

    def functions(self, program: Program, number: int) -> frozenset[str]:
        """Functions that a program may get to on a kernel."""
        key = program, number
        if key not in self._called:
            at = self.system.entry_number(program)
            module = self.system.module
            seen = {module.sites[at - 1].function}
            waiting = list(seen)
            while waiting:
                for f in called_by(waiting.pop(), 2 * number):
                    if f not in seen:
                        seen.add(f)
                        waiting.append(f)
            names = zip(module.functions, self.system.names, strict=True)
            self._called[key] = frozenset(name for f, name in names if f in seen)
        return self._called[key]

    # ------------------------------------------------------------------ what goes wrong

    def on_the_way(self, graph: Graph, steps: Sequence[Step]) -> tuple[Violation | None, bytes]:
        """The first violation in an interleaving when everything is watched; the last state."""
        checker, watched = self.checker, graph.kernel + 1
        state = graph.state(*graph.first)
        always = (1 << len(checker.always)) - 1
        for n, (task, choice) in enumerate(steps, 1):
            taken = tuple(steps[:n])
            result, state = checker.machine.step(state, task, choice, watched)
            assert result != BLOCKED
            if result & VIOLATED:
                return self._fault(checker.machine.failure(state, task), taken, task), state
            truth = checker.machine.predicates(0, state, watched) if always else 0
            if truth & always != always:
                made = next(p for k, p in enumerate(checker.always) if not truth >> k & 1)
                return Violation(made, "property", made.sentence, taken, task), state
        return None, state

    def _fault(self, failure: Failure, steps: tuple[Step, ...], task: int) -> Violation:
        return Violation(property_of(failure.kind), failure.kind, failure.text, steps, task)

    def fault(self, failure: Failure, steps: tuple[Step, ...]) -> Violation:
        """A violation that a kernel notices itself at the end of an interleaving."""
        task = steps[-1][0] if steps else 0
        if failure.kind == "deadlock":
            return Violation(None, "deadlock", "nothing can go on", steps, -1)
        return self._fault(failure, steps, task)

    def behind(self, graph: Graph, state: bytes) -> tuple[Violation | None, str]:
        """The nearest violation that can follow a state; else what was explored, in words."""
        checker = self.checker
        if not any(state[self.system.shared_size :]):
            return self._at_rest(graph, state), "nothing is violated when all processes exit"
        checker.start = state
        result = checker.run_case(graph.case, graph.kernel + 1)
        if result.violation is not None:
            return result.violation, ""
        if result.reason and result.outcome.states:
            return None, f"what can follow was not determined: {result.reason}"
        return (
            None,
            f"nothing that can follow violates a property ({result.outcome.states:,} states)",
        )

    def _at_rest(self, graph: Graph, state: bytes) -> Violation | None:
        """What is wrong when all programs have ended, and then, when their processes exit."""
        checker, watched = self.checker, graph.kernel + 1
        truth = checker.machine.predicates(1, state, watched)
        for k, made in enumerate(checker.at_rest):
            if not truth >> k & 1:
                return Violation(made, "property", made.sentence, (), -1)
        return checker._exit_from(state, watched)

    def exits(self, graph: Graph, state: bytes) -> Violation | None:
        """What goes wrong when all processes exit, if anything does."""
        return self.checker._exit_from(state, graph.kernel)


def called_by(f: ir.Function, kernel: int) -> set[ir.Function]:
    """Functions that a function calls on a kernel."""
    found: set[ir.Function] = set()
    seen = {0}
    waiting = [0]
    while waiting:
        block = f.blocks[waiting.pop()]
        found |= {instr.function for instr in block.instrs if isinstance(instr, ir.Call)}
        term = block.term
        assert term is not None
        following = ir.successors(term)
        if isinstance(term, ir.Feature):
            following = (term.yes if term.mask >> kernel & 1 else term.no,)
        if isinstance(term, ir.CallTo):
            found.add(term.function)
        waiting += [b for b in following if b not in seen]
        seen.update(following)
    return found


@functools.cache
def kernel_names() -> dict[FunctionType, str]:
    """The kernel's name of each text of a function of the specification, on whatever kernel."""
    found: dict[FunctionType, str] = {}
    for module in pkgutil.walk_packages(mmspec.spec.__path__, "mmspec.spec."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, KernelFunction):
                found |= {text: value.__name__ for text in value.texts()}
    return found
