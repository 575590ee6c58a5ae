"""A compiled transition system: native steps, and what the bytes of its states mean."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmspec.compiler import ir
from mmspec.compiler.frames import FAILED, Frames
from mmspec.compiler.frontend import Frontend, KernelView
from mmspec.compiler.llvm import BLOCKED, MORE, VIOLATED, Emitter
from mmspec.compiler.native import NativeModule
from mmspec.lang.context import Config, ModelError
from mmspec.lang.ints import IntType
from mmspec.lang.program import text_of
from mmspec.lang.structs import Fn, Layout, Ref, StackRef, Struct

SetUp = Sequence[tuple[int, Callable[[], None]]]


class SetUpFailed(ModelError):
    """The set-up of a scenario blocked or hit a violation."""


@dataclass(frozen=True)
class FrameView:
    """One active function of a task: where it stands and its live variables.

    site: the stop, for the innermost frame; for the others `call` is where the callee returns.
    live: variables with values as stored (pointers: index plus one).
    """

    function: ir.Function
    site: ir.Site | None
    call: ir.CallTo | None
    live: dict[ir.Var, Any]


@dataclass(frozen=True)
class TaskView:
    """What one task's record says: frames outermost first; none if finished or failed."""

    frames: tuple[FrameView, ...]
    fault: ir.Fault | None
    held: tuple[tuple[Struct, bool], ...]
    raw: bytes

    @property
    def finished(self) -> bool:
        """Whether the task has ended without a violation."""
        return not self.frames and self.fault is None


class System:
    """Tasks compiled for a family of kernels and one configuration.

    entries: every function that a task may execute from start to end, set-up included.
    groups: predicates over shared memory; group k is `native.address("predicates_k")`.
    """

    def __init__(
        self,
        entries: Sequence[Callable[[], None]],
        config: Config = Config(),
        kernels: Sequence[KernelView] = (KernelView(frozenset()),),
        *,
        merged: bool = True,
        groups: Sequence[Sequence[Callable[[], bool]]] = (),
        zeroing: bool = True,
    ) -> None:
        self.config = config
        self.kernels = tuple(kernels)
        self.merged = merged
        predicates = [p for group in groups for p in group]
        frontend = Frontend(config, kernels)
        self.module = frontend.compile(entries, predicates)
        #: functions whose name is used as a value, with the number that stands for each
        self.addressed: dict[Any, int] = frontend.addressed
        self.frames = Frames(self.module, merged, zeroing=zeroing)
        self.layout: Layout = self.module.layout
        self.entry = {e.text: e for e in self.module.entries}
        lowered = iter(self.module.predicates)
        self.text = Emitter(self.frames).text([[next(lowered) for _ in g] for g in groups])
        self.native = NativeModule(self.text)
        self._step = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64
        )(self.native.address("step"))
        self._points = {
            block.term.site: block.term
            for f in self.module.functions
            for block in f.blocks
            if isinstance(block.term, ir.Point)
        }

    # ------------------------------------------------------------------ states

    @property
    def shared_size(self) -> int:
        """Bytes of shared memory."""
        return self.layout.size

    @property
    def record_size(self) -> int:
        """Bytes of one task's record."""
        return self.frames.size

    @property
    def boundaries(self) -> list[int]:
        """Offsets in shared memory at which objects begin or end."""
        found: list[int] = []
        for cls in self.layout.structs:
            base, stride = self.layout.base[cls], self.layout.stride[cls]
            found.extend(base + k * stride for k in range(self.layout.count[cls] + 1))
        return found

    def entry_number(self, fn: Callable[[], None]) -> int:
        """The program counter at the start of a task program."""
        entry = self.entry[text_of(fn)]
        return next(s.number for s in entry.sites if s.kind == "entry")

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
                result, after = self.step(bytes(state), number, 0, kernel)
                if result == BLOCKED:
                    raise SetUpFailed(f"the set-up blocks in {text_of(fn).__name__}()")
                state = bytearray(after)
                steps.append((number, 0))
                if result & VIOLATED:
                    fault = self.task(bytes(state), number, kernel).fault
                    assert fault is not None
                    raise SetUpFailed(f"the set-up fails: {fault.kind}: {fault.text}")
        for number, task in enumerate(tasks):
            if task is None:
                continue
            self.place(state, number, task)
            if not self.merged:
                # what comes before the first access is nobody else's business
                result, after = self.step(bytes(state), number, 0, kernel)
                state = bytearray(after)
                if result & VIOLATED:
                    fault = self.task(after, number, kernel).fault
                    assert fault is not None
                    raise SetUpFailed(f"task {number} fails at once: {fault.kind}: {fault.text}")
        return bytes(state), steps

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
        for task in range((len(state) - self.shared_size) // self.record_size):
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
        """The number of the site where a task stands; 0 if finished."""
        at = self.shared_size + task * self.record_size
        return int.from_bytes(state[at : at + 2], "little")

    def chooses(self, counter: int) -> bool:
        """Whether a task with this program counter can go on in more than one way."""
        if not 0 < counter <= len(self.module.sites):
            return False
        point = self._points.get(self.module.sites[counter - 1])
        return point is not None and point.mover in ("pick", "choose")

    def tasks_of(self, state: bytes) -> int:
        """How many tasks a state has."""
        return (len(state) - self.shared_size) // self.record_size

    # ------------------------------------------------------------------ meaning

    def task(self, state: bytes, number: int, kernel: int = 0) -> TaskView:
        """Decode one task's record."""
        at = self.shared_size + number * self.record_size
        return self.record(state[at : at + self.record_size], kernel)

    def record(self, raw: bytes, kernel: int = 0) -> TaskView:
        """Decode a record: only functions that are active have meaning in it."""
        pc = int.from_bytes(raw[:2], "little")
        if pc == 0:
            return TaskView((), None, (), raw)
        if pc == FAILED:
            number = int.from_bytes(raw[2:4], "little")
            return TaskView((), self.module.faults[number - 1], (), raw)
        site = self.module.sites[pc - 1]
        f = site.function
        frames = []
        if site.kind == "entry":
            frames.append(FrameView(f, site, None, {}))
            return TaskView(tuple(frames), None, (), raw)
        live = self.frames.analysis[f].live[self._points[site]][kernel]
        frames.append(FrameView(f, site, None, self._values(f, live, raw)))
        while f.callers:
            size = 1 if len(f.callers) < 256 else 2
            number = int.from_bytes(raw[f.return_slot : f.return_slot + size], "little")
            if number == 0:
                break
            f, call = f.callers[number - 1]
            across = self.frames.analysis[f].across[call][kernel]
            frames.append(FrameView(f, None, call, self._values(f, across, raw)))
        return TaskView(tuple(reversed(frames)), None, tuple(self._held(raw)), raw)

    def _values(self, f: ir.Function, live: int, raw: bytes) -> dict[ir.Var, Any]:
        found: dict[ir.Var, Any] = {}
        for var in f.vars:
            if live >> var.index & 1:
                at = f.slots[var]
                found[var] = (
                    self._struct(var, raw, at)
                    if var.stack is not None
                    else self._int(raw, at, self.layout.scalar_type(var.type))
                )
        return found

    def _int(self, raw: bytes, at: int, kind: IntType) -> int:
        return int.from_bytes(raw[at : at + kind.size], "little", signed=kind.signed)

    def _struct(self, var: ir.Var, raw: bytes, at: int) -> dict[str, Any]:
        assert var.stack is not None
        found: dict[str, Any] = {}
        for name, field in var.stack.fields().items():
            elem = field.elem
            assert isinstance(elem, IntType | Ref | Fn | StackRef)
            kind = self.layout.scalar_type(elem)
            values = [self._int(raw, at + k * kind.size, kind) for k in range(field.count)]
            at += kind.size * field.count
            found[name] = values if field.count != 1 or field.type != elem else values[0]
        return found

    def _held(self, raw: bytes) -> list[tuple[Struct, bool]]:
        found: list[tuple[Struct, bool]] = []
        for table, shared in ((self.frames.lock_bit, False), (self.frames.shared_bit, True)):
            for cls, first in table.items():
                for index in range(self.layout.count[cls]):
                    bit = first + index
                    if raw[self.frames.held_offset + bit // 8] >> bit % 8 & 1:
                        found.append((cls.at(index), shared))
        return found

    def memory(self, state: bytes) -> list[int]:
        """Shared memory as slot values."""
        return self.layout.unpack(state[: self.shared_size])
