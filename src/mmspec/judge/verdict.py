"""The verdict on a diagram: feasible, infeasible, or undetermined, and why."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from mmspec.checker import Violation
from mmspec.compiler.machine import Step
from mmspec.judge.bench import Bench
from mmspec.judge.claims import Claim, Kind
from mmspec.judge.diagram import Diagram, Line
from mmspec.judge.events import Event, Unplaced, events_of
from mmspec.judge.graph import Graph
from mmspec.judge.placing import can_do, programs_named
from mmspec.judge.search import EXIT, Found, Limits, Product
from mmspec.judge.traced import LEAVE, WRITE
from mmspec.scenarios.scenario import Case
from mmspec.spec.page.syscalls import exit_mm

#: A function is not called at all.
NEVER = "never"


class Answer(Enum):
    """Whether a diagram can happen."""

    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNDETERMINED = "undetermined"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2; 3 is for errors of usage."""
        return list(Answer).index(self)


@dataclass(frozen=True)
class Reading:
    """What a diagram is taken for: a case, and which task each column is."""

    case: Case
    tasks: tuple[int, ...]


@dataclass(frozen=True)
class Obstacle:
    """The first line that cannot be reached, and what holds there instead.

    claim: which of its claims. seen: values that the place has there, or functions that the task
    goes to. waits: a function in which the task waits there, in every interleaving.
    """

    line: Line
    claim: Claim
    seen: tuple[str, ...]
    waits: str = ""


@dataclass(frozen=True)
class Change:
    """A change to a diagram that makes it feasible, in words.

    dropped: the line that is left out, if one is; values_only: only to see what else it could say.
    """

    words: str
    diagram: Diagram
    dropped: Line | None = None
    values_only: bool = False


@dataclass
class Judgement:
    """What was found.

    reading: what the diagram was taken for, if it could be placed. why: of an undetermined
    verdict. at: the step in which each line happens. early: a violation that comes before the end
    (the steps go on, as the kernel would). violation: at the end, or of `follows` steps that can
    follow. watched: whether only who watches everything sees it.
    """

    answer: Answer
    diagram: Diagram
    reading: Reading | None = None
    why: str = ""
    steps: tuple[Step, ...] = ()
    at: list[tuple[Line, int]] = field(default_factory=list)
    early: Violation | None = None
    violation: Violation | None = None
    watched: bool = False
    follows: int = 0
    behind: str = ""
    obstacle: Obstacle | None = None
    change: Change | None = None
    nodes: int = 0
    seconds: float = 0.0
    others: tuple[Reading, ...] = ()


class Judge:
    """Judges diagrams on one kernel of a bench."""

    def __init__(self, bench: Bench, number: int = 0, limits: Limits = Limits()) -> None:
        self.bench = bench
        self.number = number
        self.limits = limits

    # ------------------------------------------------------------------ what it may mean

    def readings(self, diagram: Diagram) -> list[Reading]:
        """Cases in which each column's functions can be run by a task of its own."""
        kernel = self.bench.kernels[self.number]
        found = []
        for case in self._cases(diagram):
            if case.applies(kernel) or "case" in diagram.front:
                found += [Reading(case, tasks) for tasks in self._columns(diagram, case)]
        return found

    def _cases(self, diagram: Diagram) -> list[Case]:
        wanted = diagram.front.get("case")
        scenario = self.bench.scenario
        return [scenario.case(wanted)] if wanted else list(scenario.cases)

    def _columns(self, diagram: Diagram, case: Case) -> Iterator[tuple[int, ...]]:
        columns = range(len(diagram.heads))
        wanted = programs_named(diagram, self.bench.programs)
        names = [task.__name__ for task in case.tasks]
        # children that run no program here are there to exit
        children = sum(not diagram.functions(column, EXIT) for column in columns)
        names += [EXIT] * min(children, self.bench.processes - len(names))
        for tasks in itertools.permutations(range(len(names)), len(columns)):
            if any(w and names[t] != w for w, t in zip(wanted, tasks, strict=True)):
                continue
            if all(self._fits(diagram, c, case, t) for c, t in enumerate(tasks)):
                yield tasks

    def _fits(self, diagram: Diagram, column: int, case: Case, task: int) -> bool:
        """Whether a task of a case can call what a column names; what exits do comes after."""
        if task >= len(case.tasks):
            calls: frozenset[str] = frozenset()
        else:
            calls = self.bench.functions(case.tasks[task], self.number)
        return can_do(diagram, column, calls, self.bench.functions(exit_mm, self.number))

    def _unplaced(self, diagram: Diagram) -> str:
        """Why no case fits: the functions that stand in the way."""
        best: tuple[int, str] | None = None
        kernel = self.bench.kernels[self.number]
        for case in self._cases(diagram):
            if len(case.tasks) < len(diagram.heads):
                continue
            names = [task.__name__ for task in case.tasks]
            for tasks in itertools.permutations(range(len(case.tasks)), len(diagram.heads)):
                missing = [
                    (column, case.tasks[task].__name__, name)
                    for column, task in enumerate(tasks)
                    for name in sorted(
                        diagram.functions(column)
                        - self.bench.functions(case.tasks[task], self.number)
                    )
                ]
                wanted = programs_named(diagram, self.bench.programs)
                bad = len(missing) + sum(
                    bool(w) and names[t] != w for w, t in zip(wanted, tasks, strict=True)
                )
                if not missing:
                    if not case.applies(kernel):
                        continue
                    words = f"`columns:` does not go with {case.name}"
                else:
                    column, program, name = missing[0]
                    words = (
                        f"{diagram.heads[column]} names {name}(), which {program} never calls "
                        f"(the case that fits best is {case.name})"
                    )
                if best is None or bad < best[0]:
                    best = bad, words
        if best is None:
            return f"no case of {self.bench.scenario.name} has {len(diagram.heads)} tasks"
        return f"no case of {self.bench.scenario.name} has tasks for these columns: {best[1]}"

    # ------------------------------------------------------------------ judging

    def judge(self, diagram: Diagram, *, change: bool = True) -> Judgement:
        """The verdict. change: if it is infeasible, look for a change that makes it feasible."""
        started = time.monotonic()
        made = self._judged(diagram, change)
        made.seconds = time.monotonic() - started
        return made

    def _judged(self, diagram: Diagram, change: bool) -> Judgement:
        if not diagram.lines:
            return Judgement(Answer.UNDETERMINED, diagram, why="none of its lines is understood")
        readings = self.readings(diagram)
        if not readings:
            return self._never(diagram) or Judgement(
                Answer.UNDETERMINED, diagram, why=self._unplaced(diagram)
            )
        furthest: tuple[int, Reading, Product, Found] | None = None
        stopped, why, nodes = "", "", 0
        for reading in readings:
            graph = self.bench.graph(reading.case, self.number)
            try:
                product = self._product(graph, diagram, reading)
            except Unplaced as error:
                why = f"line {error.line.number}: {error.why}"
                continue
            found = product.search(self.limits)
            nodes += found.nodes
            if found.steps is not None:
                made = self._feasible(diagram, reading, product, found)
                made.nodes = nodes
                return made
            stopped = stopped or found.stopped
            level = max((m.bit_count() for _, _, m in found.furthest), default=0)
            if furthest is None or level > furthest[0]:
                furthest = level, reading, product, found
        if furthest is None:
            return Judgement(Answer.UNDETERMINED, diagram, readings[0], why)
        _, reading, product, found = furthest
        others = tuple(r for r in readings if r is not reading)
        obstacle = obstacle_of(product, found)
        if stopped or why:
            return Judgement(
                Answer.UNDETERMINED,
                diagram,
                reading,
                stopped or why,
                obstacle=obstacle,
                nodes=nodes,
                others=others,
            )
        made = Judgement(
            Answer.INFEASIBLE, diagram, reading, obstacle=obstacle, nodes=nodes, others=others
        )
        if change:
            from mmspec.judge.nearest import nearest

            made.change = nearest(self, made)
        return made

    def _never(self, diagram: Diagram) -> Judgement | None:
        """Infeasible: who is said to run a function never calls it on this kernel."""
        programs = programs_named(diagram, self.bench.programs)
        kernel = self.bench.kernels[self.number]
        for case in self._cases(diagram):
            names = [task.__name__ for task in case.tasks]
            if not all(programs) or not case.applies(kernel):
                continue
            if sorted(programs) != sorted(names) or len(set(names)) != len(names):
                continue
            tasks = tuple(names.index(program) for program in programs)
            for line in sorted(diagram.lines, key=lambda line: line.row):
                if line.column < 0:
                    continue
                calls = self.bench.functions(case.tasks[tasks[line.column]], self.number)
                for claim in line.claims:
                    kinds = (Kind.ENTERS, Kind.IS_IN, Kind.LEAVES)
                    if claim.kind in kinds and claim.name not in calls:
                        obstacle = Obstacle(line, claim, (), NEVER)
                        reading = Reading(case, tasks)
                        made = Judgement(Answer.INFEASIBLE, diagram, reading, obstacle=obstacle)
                        return made
        return None

    def _product(self, graph: Graph, diagram: Diagram, reading: Reading) -> Product:
        page = diagram.front.get("page", "page 0")
        page = f"page {page}" if page.isdigit() else page
        initial = graph.shared.values[graph.first[0]]
        events = events_of(diagram, self.bench.memory, reading.tasks, page, initial)
        product = Product(graph, self.bench.memory, events)
        if product.fails:
            product.at_exit = lambda state: self.bench.exits(graph, state)
        return product

    def tried(
        self, diagram: Diagram, reading: Reading, limits: Limits
    ) -> tuple[Product, Found] | None:
        """An interleaving of a diagram that is taken for one thing; None if none was found."""
        graph = self.bench.graph(reading.case, self.number)
        try:
            product = self._product(graph, diagram, reading)
        except Unplaced:
            return None
        found = product.search(limits)
        return (product, found) if found.steps is not None else None

    def _feasible(
        self, diagram: Diagram, reading: Reading, product: Product, found: Found
    ) -> Judgement:
        assert found.steps is not None
        graph, bench = product.graph, self.bench
        made = Judgement(Answer.FEASIBLE, diagram, reading, steps=found.steps)
        first: dict[int, int] = {}
        for event in product.events:
            first.setdefault(id(event.line), found.at.get(event.number, 0))
        made.at = [(line, first[id(line)]) for line in diagram.lines if id(line) in first]
        if found.exit_violation is not None:
            made.violation = found.exit_violation
            return made
        if found.failure is not None:
            made.violation = bench.fault(found.failure, found.steps)
            return made
        early, state = bench.on_the_way(graph, found.steps)
        if early is not None:
            if len(early.steps) == len(found.steps):
                made.violation, made.watched = early, True
            else:
                made.early = early
            return made
        after, made.behind = bench.behind(graph, state)
        if after is not None:
            made.follows = len(after.steps)
            made.watched = not made.follows
            made.violation = after if after.steps else replace(after, steps=found.steps)
        return made


# ------------------------------------------------------------------------ where it ends, and why


def obstacle_of(product: Product, found: Found) -> Obstacle | None:
    """The first line that is not reached in the executions that get furthest."""
    if not found.furthest:
        return None
    missing: Counter[int] = Counter()
    for _, _, matched in found.furthest:
        event = next(
            (e for e in product.events if not matched >> e.number & 1 and not e.before & ~matched),
            None,
        )
        if event is not None:
            missing[event.number] += 1
    if not missing:
        return None
    event = product.events[min(missing)]
    nodes = [
        (shared, records)
        for shared, records, matched in found.furthest
        if not matched >> event.number & 1
    ]
    return Obstacle(
        event.line,
        event.claim,
        tuple(_instead(product, event, nodes)),
        _waits(product, event, nodes),
    )


def _instead(
    product: Product, event: Event, nodes: Sequence[tuple[int, tuple[int, ...]]]
) -> list[str]:
    memory, graph = product.memory, product.graph
    seen: Counter[str] = Counter()
    for shared, records in nodes[:500]:
        if event.claim.kind is Kind.HOLDS:
            state = graph.shared.values[shared]
            for where in event.places:
                name, value = memory.said(where, memory.raw(state, where), state)
                seen[f"{name} is {value}"] += 1
            continue
        if event.task < 0:
            continue
        for edge in graph.edges(shared, records[event.task], event.task):
            if event.claim.kind is Kind.WRITES:
                state = graph.shared.values[edge.shared]
                for note in graph.notes.values[edge.notes]:
                    if note.kind == WRITE and note.a in event.places:
                        name, value = memory.said(note.a, note.c, state)
                        seen[f"{name} = {value}"] += 1
            elif event.claim.kind is Kind.LEAVES and event.claim.value:
                for text in _results(product, event, edge.notes):
                    seen[text] += 1
            else:
                for name in graph.entered(edge.notes):
                    if name in graph.long:
                        seen[f"{name}()"] += 1
    return [text for text, _ in seen.most_common(4)]


def _results(product: Product, event: Event, notes: int) -> Iterator[str]:
    """What a step says that the function returns of which an event speaks."""
    system, name = product.graph.system, event.claim.name
    for note in product.graph.notes.values[notes]:
        if note.kind == LEAVE and system.names[note.a] == name:
            f = system.module.functions[note.a]
            yield f"{name}() returns {product.memory.result(f, note.b)}"


def _waits(product: Product, event: Event, nodes: Sequence[tuple[int, tuple[int, ...]]]) -> str:
    """Where the task waits, if it can never go on; `its end` if it has ended."""
    graph = product.graph
    if event.task < 0 or not nodes:
        return ""
    found: set[str] = set()
    for shared, records in nodes[:500]:
        record = records[event.task]
        if record == graph.ended:
            found.add("its end")
        elif graph.edges(shared, record, event.task):
            return ""
        else:
            found.add(graph.innermost(record))
    return found.pop() if len(found) == 1 else ""
