"""A compiled transition system: native steps, and what the bytes of its states mean."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mmspec.compiler import ir
from mmspec.compiler.conventions import FAILED, KernelView
from mmspec.compiler.frames import Frames
from mmspec.compiler.frontend import Frontend
from mmspec.compiler.llvm import Emitter
from mmspec.compiler.machine import Failure, Listing, Machine, SetUpFailed, entry_name
from mmspec.compiler.native import NativeModule
from mmspec.lang.context import Config, reading
from mmspec.lang.ints import IntType
from mmspec.lang.structs import Fn, Layout, Ref, StackRef, Struct

__all__ = ["FrameView", "SetUpFailed", "System", "TaskView"]


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


class System(Machine):
    """Tasks compiled for a family of kernels and one configuration.

    entries: every function that a task may execute from start to end, set-up included.
    groups: predicates over shared memory; group k is `native.address("predicates_k")`.
    """

    #: What turns it into LLVM IR: a subclass may say more.
    emitter: ClassVar[type[Emitter]] = Emitter

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
        predicates = [p for group in groups for p in group]
        frontend = Frontend(config, kernels)
        self.module = frontend.compile(entries, predicates)
        #: functions whose name is used as a value, with the number that stands for each
        self.addressed: dict[Any, int] = frontend.addressed
        self.layout: Layout = self.module.layout
        with reading(config):
            self.frames = Frames(self.module, merged, zeroing=zeroing)
            lowered = iter(self.module.predicates)
            emitted = self.emitter(self.frames)
            self.text = emitted.text([[next(lowered) for _ in g] for g in groups])
            listing = self._listing()
        super().__init__(NativeModule(self.text), listing, merged)

    @functools.cached_property
    def _points(self) -> dict[ir.Site, ir.Point]:
        return {
            block.term.site: block.term
            for f in self.module.functions
            for block in f.blocks
            if isinstance(block.term, ir.Point)
        }

    def _listing(self) -> Listing:
        module, layout = self.module, self.layout
        boundaries: list[int] = []
        for cls in layout.structs:
            base, stride = layout.base[cls], layout.stride[cls]
            boundaries.extend(base + k * stride for k in range(layout.count[cls] + 1))
        choosing = {
            site for site, point in self._points.items() if point.mover in ("pick", "choose")
        }
        entries = {}
        for entry in module.entries:
            number = next(site.number for site in entry.sites if site.kind == "entry")
            entries[entry_name(entry.text)] = number
        return Listing(
            layout.size,
            self.frames.size,
            boundaries,
            entries,
            [(site.function.display, site in choosing) for site in module.sites],
            [Failure(f.kind, f.text, f.function.text.__name__, f.span.line) for f in module.faults],
            {cls.__name__: layout.count[cls] for cls in layout.structs},
        )

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
        with reading(self.config):
            return self._active(site, raw, kernel)

    def _active(self, site: ir.Site, raw: bytes, kernel: int) -> TaskView:
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
        with reading(self.config):
            return self.layout.unpack(state[: self.shared_size])
