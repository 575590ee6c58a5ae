"""Native steps of a compiled system, and the little one has to know to take them.

A `Machine` runs; what the bytes of its states mean is known to the `System` it was made from. The
listing of a machine is plain data, so that both can be kept from one run to the next.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmspec.compiler.conventions import BLOCKED, FAILED, MORE, VIOLATED
from mmspec.compiler.native import NativeModule
from mmspec.lang.context import ModelError
from mmspec.lang.program import text_of

SetUp = Sequence[tuple[int, Callable[[], None]]]
#: Which task takes the step, and by which of its alternatives.
Step = tuple[int, int]


class SetUpFailed(ModelError):
    """The set-up of a scenario blocked or hit a violation."""


@dataclass(frozen=True)
class Failure:
    """A violation that a step can end in: what, in which function, at which line of its file."""

    kind: str
    text: str
    function: str
    line: int


@dataclass(frozen=True)
class Listing:
    """What has to be known of machine code to run it.

    shared, record: bytes of shared memory, and of each task's record. boundaries: offsets in
    shared memory at which objects begin or end. entries: program counters of tasks, by name.
    stops: for each program counter from 1, the function, and whether the step there chooses.
    failures: by number from 1. pools: how many instances each struct has.
    """

    shared: int
    record: int
    boundaries: list[int]
    entries: dict[str, int]
    stops: list[tuple[str, bool]]
    failures: list[Failure]
    pools: dict[str, int]

    def to_json(self) -> str:
        """As text."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Listing:
        """Back from text; ValueError, TypeError or KeyError if it is damaged."""
        made = cls(**json.loads(text))
        stops = [(str(name), bool(chooses)) for name, chooses in made.stops]
        failures: list[Any] = made.failures
        return dataclasses.replace(made, stops=stops, failures=[Failure(**f) for f in failures])


def entry_name(fn: Callable[[], None]) -> str:
    """What a listing calls a task program."""
    text = text_of(fn)
    return f"{text.__module__}.{text.__qualname__}:{text.__code__.co_firstlineno}"


class Machine:
    """Native steps; merged: whether they are as long as the reduction allows."""

    def __init__(self, native: NativeModule, listing: Listing, merged: bool) -> None:
        self.native = native
        self.listing = listing
        self.merged = merged
        self._step = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64
        )(native.address("step"))

    @property
    def shared_size(self) -> int:
        """Bytes of shared memory."""
        return self.listing.shared

    @property
    def record_size(self) -> int:
        """Bytes of one task's record."""
        return self.listing.record

    @property
    def boundaries(self) -> list[int]:
        """Offsets in shared memory at which objects begin or end."""
        return self.listing.boundaries

    def entry_number(self, fn: Callable[[], None]) -> int:
        """The program counter at the start of a task program."""
        return self.listing.entries[entry_name(fn)]

    def blank(self, tasks: int) -> bytearray:
        """Zeroed shared memory and `tasks` finished tasks."""
        return bytearray(self.shared_size + tasks * self.record_size)

    def place(self, state: bytearray, task: int, fn: Callable[[], None]) -> None:
        """Put a task at the start of a program."""
        at = self.shared_size + task * self.record_size
        state[at : at + self.record_size] = bytes(self.record_size)
        state[at : at + 2] = self.entry_number(fn).to_bytes(2, "little")

    def initial(
        self, set_up: SetUp, tasks: Sequence[Callable[[], None] | None], kernel: int = 0
    ) -> tuple[bytes, list[tuple[int, int]]]:
        """The state after the set-up, each phase run alone to its end, and the steps it took."""
        width = max([len(tasks), *(number + 1 for number, _ in set_up)])
        state = self.blank(width)
        steps: list[tuple[int, int]] = []
        for number, fn in set_up:
            self.place(state, number, fn)
            while self.program_counter(state, number):
                result = self._advance(state, number, kernel)
                if result == BLOCKED:
                    raise SetUpFailed(f"the set-up blocks in {text_of(fn).__name__}()")
                steps.append((number, 0))
                if result & VIOLATED:
                    fault = self.failure(state, number)
                    raise SetUpFailed(f"the set-up fails: {fault.kind}: {fault.text}")
        for number, task in enumerate(tasks):
            if task is None:
                continue
            self.place(state, number, task)
            if not self.merged:
                # what comes before the first access is nobody else's business
                if self._advance(state, number, kernel) & VIOLATED:
                    fault = self.failure(state, number)
                    raise SetUpFailed(f"task {number} fails at once: {fault.kind}: {fault.text}")
        return bytes(state), steps

    def _advance(self, state: bytearray, task: int, kernel: int) -> int:
        """One step, the first that is possible, in place: what `step` returned."""
        buffer = (ctypes.c_char * len(state)).from_buffer(state)
        return int(self._step(ctypes.addressof(buffer), task, 0, 1 << kernel))

    def step(self, state: bytes, task: int, choice: int, kernel: int = 0) -> tuple[int, bytes]:
        """One step: what `step` returned, and the state after it."""
        buffer = ctypes.create_string_buffer(state, len(state))
        result = self._step(ctypes.addressof(buffer), task, choice, 1 << kernel)
        return result, buffer.raw

    def predicates(self, group: int, state: bytes, kernel: int = 0) -> int:
        """Which predicates of a group hold in a state, as bits."""
        kind = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64)
        buffer = ctypes.create_string_buffer(state, len(state))
        scratch = ctypes.create_string_buffer(self.record_size)
        function = kind(self.native.address(f"predicates_{group}"))
        at = ctypes.addressof(buffer)
        return int(function(at, ctypes.addressof(scratch), 1 << kernel))

    def successors(self, state: bytes, kernel: int = 0) -> list[tuple[int, int, bytes]]:
        """All steps possible in a state, as (task, choice, state after)."""
        found = []
        for task in range(self.tasks_of(state)):
            choice = 0
            while True:
                result, after = self.step(state, task, choice, kernel)
                if result == BLOCKED:
                    break
                found.append((task, choice, after))
                if not result & MORE:
                    break
                choice += 1
        return found

    def program_counter(self, state: bytes | bytearray, task: int) -> int:
        """The number of the stop where a task stands; 0 if finished."""
        at = self.shared_size + task * self.record_size
        return int.from_bytes(state[at : at + 2], "little")

    def failure(self, state: bytes | bytearray, task: int) -> Failure:
        """The violation that a task has ended in."""
        assert self.program_counter(state, task) == FAILED
        at = self.shared_size + task * self.record_size + 2
        return self.listing.failures[int.from_bytes(state[at : at + 2], "little") - 1]

    def chooses(self, counter: int) -> bool:
        """Whether a task with this program counter can go on in more than one way."""
        stops = self.listing.stops
        return 0 < counter <= len(stops) and stops[counter - 1][1]

    def tasks_of(self, state: bytes) -> int:
        """How many tasks a state has."""
        return (len(state) - self.shared_size) // self.record_size
