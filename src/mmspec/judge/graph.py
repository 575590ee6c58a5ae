"""The states and steps of one case on one kernel, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mmspec.compiler import ir
from mmspec.compiler.machine import Failure, Step
from mmspec.judge.traced import ENTER, Note, TracedSystem
from mmspec.scenarios.scenario import Case, Program
from mmspec.spec.page.mm_types import TaskStruct
from mmspec.spec.page.syscalls import exit_mm

T = TypeVar("T")


@dataclass(frozen=True)
class Edge:
    """A way in which a task can go on: numbers of shared memory and of its record after it."""

    choice: int
    shared: int
    record: int
    notes: int
    failure: Failure | None


class _Numbers(Generic[T]):
    """Numbers for values, from 0."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._known: dict[T, int] = {}

    def of(self, value: T) -> int:
        found = self._known.setdefault(value, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


class Graph:
    """A case on a kernel, as a graph whose steps tell what they do."""

    def __init__(self, system: TracedSystem, case: Case, kernel: int) -> None:
        self.system = system
        self.case = case
        self.kernel = kernel
        self.shared: _Numbers[bytes] = _Numbers()
        self.records: _Numbers[bytes] = _Numbers()
        self.notes: _Numbers[tuple[Note, ...]] = _Numbers()
        self._edges: dict[tuple[int, int, int], tuple[Edge, ...]] = {}
        self._stacks: dict[int, frozenset[str]] = {}
        self._blank = bytes(system.record_size)
        #: tasks that may have an address space to leave: those of the case, and their children
        self.processes = max(self.tasks, system.layout.count.get(TaskStruct, 0))
        self.ended = self.records.of(self._blank)
        #: functions of several steps, helpers left out
        self.long = {
            name
            for f, name in zip(system.module.functions, system.names, strict=True)
            if f.has_points and (name.startswith("__") or not name.startswith("_"))
        }
        self.first, self.begun = self._begin()

    @property
    def tasks(self) -> int:
        """How many there are."""
        return len(self.case.tasks)

    def _begin(self) -> tuple[tuple[int, tuple[int, ...]], list[int]]:
        """The initial state, and what each task did before its first access."""
        system = self.system
        nothing: list[Callable[[], None] | None] = [None] * self.tasks
        state, _ = system.initial([(0, self.case.set_up)], nothing, self.kernel)
        buffer = bytearray(state)
        for number, task in enumerate(self.case.tasks):
            system.place(buffer, number, task)
        state = bytes(buffer)
        begun = []
        for number in range(self.tasks):
            _, taken = system.traced_step(state, number, 0, self.kernel)
            state = taken.after
            begun.append(self.notes.of((self._program(self.case.tasks[number]), *taken.notes)))
        size = system.shared_size
        records = tuple(
            self.records.of(self._record(state, number)) for number in range(self.tasks)
        )
        records += (self.ended,) * (self.processes - self.tasks)
        return (self.shared.of(state[:size]), records), begun

    def exiting(self, shared: int, task: int) -> tuple[int, int, int]:
        """Let a task that has ended leave its address space: memory, its record, and notes."""
        buffer = bytearray(self.shared.values[shared] + self._blank * self.processes)
        self.system.place(buffer, task, exit_mm)
        _, taken = self.system.traced_step(bytes(buffer), task, 0, self.kernel)
        return (
            self.shared.of(taken.after[: self.system.shared_size]),
            self.records.of(self._record(taken.after, task)),
            self.notes.of((self._program(exit_mm), *taken.notes)),
        )

    def _program(self, program: Program) -> Note:
        """That a task has begun its program."""
        at = self.system.entry_number(program)
        function = self.system.module.sites[at - 1].function
        return Note(ENTER, self.system.module.functions.index(function), 0, 0)

    def _record(self, state: bytes, task: int) -> bytes:
        at = self.system.shared_size + task * self.system.record_size
        return state[at : at + self.system.record_size]

    def edges(self, shared: int, record: int, task: int) -> tuple[Edge, ...]:
        """All ways in which a task can go on; none if it waits or has ended."""
        key = shared, record, task
        found = self._edges.get(key)
        if found is None:
            found = self._edges[key] = self._computed(*key)
        return found

    def _computed(self, shared: int, record: int, task: int) -> tuple[Edge, ...]:
        if record == self.ended:
            return ()
        others = self._blank * task
        rest = self._blank * (self.processes - task - 1)
        state = self.shared.values[shared] + others + self.records.values[record] + rest
        made = []
        for taken in self.system.traced_steps(state, task, self.kernel):
            made.append(
                Edge(
                    taken.choice,
                    self.shared.of(taken.after[: self.system.shared_size]),
                    self.records.of(self._record(taken.after, task)),
                    self.notes.of(taken.notes),
                    taken.failure,
                )
            )
        return tuple(made)

    def state(self, shared: int, records: tuple[int, ...]) -> bytes:
        """A state in full."""
        own = records[: self.tasks]
        return self.shared.values[shared] + b"".join(self.records.values[r] for r in own)

    def along(self, steps: Sequence[Step]) -> list[bytes]:
        """Shared memory before the first step, and after each."""
        shared, records = self.first
        made = [self.shared.values[shared]]
        for task, choice in steps:
            edge = self.edges(shared, records[task], task)[choice]
            shared, records = edge.shared, (*records[:task], edge.record, *records[task + 1 :])
            made.append(self.shared.values[shared])
        return made

    def stack(self, record: int) -> frozenset[str]:
        """Functions that a task is in."""
        found = self._stacks.get(record)
        if found is None:
            view = self.system.record(self.records.values[record], self.kernel)
            found = frozenset(self._name(frame.function) for frame in view.frames)
            self._stacks[record] = found
        return found

    def waits(self, shared: int, record: int, task: int, function: str) -> bool:
        """Whether a task cannot go on; with a name, in that function."""
        if record == self.ended or self.edges(shared, record, task):
            return False
        if not function:
            return True
        return function in self.stack(record) or function == self.innermost(record)

    def innermost(self, record: int) -> str:
        """The function in which a task stands; empty if it has ended."""
        view = self.system.record(self.records.values[record], self.kernel)
        if not view.frames:
            return ""
        site = view.frames[-1].site
        if site is not None and site.kind == "call":
            return site.name
        return self._name(view.frames[-1].function)

    def entered(self, notes: int) -> list[str]:
        """Functions that are entered in a step."""
        names = self.system.names
        return [names[note.a] for note in self.notes.values[notes] if note.kind == ENTER]

    def _name(self, function: ir.Function) -> str:
        return self.system.names[self.system.module.functions.index(function)]
