"""Steps that tell what they do: which functions they enter and leave, and what they write.

The same system as that of a search by small steps, and the same states; its machine code also
notes what happens in a step, in the order of time.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmspec.compiler import ir
from mmspec.compiler.conventions import BLOCKED, MORE, VIOLATED, KernelView
from mmspec.compiler.llvm import Emitter
from mmspec.compiler.machine import Failure
from mmspec.compiler.system import System
from mmspec.lang.context import Config, ModelError
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.structs import Ref, Struct
from mmspec.report.columns import TELLING

#: Notes of one step; longer ones cannot be told.
MOST_NOTES = 8192
ENTER, LEAVE, WRITE = 1, 2, 3
_WORDS = 4


@dataclass(frozen=True)
class Note:
    """Something that happens within a step.

    kind: ENTER (a: number of the function; b, c: its most telling arguments, as stored), LEAVE (b:
    what it returns), WRITE (a: offset in shared memory, b: the value before, c: after).
    """

    kind: int
    a: int
    b: int
    c: int


@dataclass(frozen=True)
class Taken:
    """A step: the state after it, what happened, and the violation it ended in."""

    task: int
    choice: int
    after: bytes
    notes: tuple[Note, ...]
    failure: Failure | None


def telling_parameters(f: ir.Function) -> list[tuple[int, type[Struct]]]:
    """Which parameters tell most, two at most, and what they point to."""
    pointers = {
        var.name: (n, var.type.cls) for n, var in enumerate(f.params) if isinstance(var.type, Ref)
    }
    return [pointers[name] for name in TELLING if name in pointers][:2]


def is_noted(f: ir.Function) -> bool:
    """Whether entering a function is noted: not if it only computes, or is a lock's condition."""
    return not f.pure and not f.name.endswith("_ready")


class _TracedEmitter(Emitter):
    """Machine code with notes."""

    def text(self, groups: Sequence[Sequence[ir.Function]]) -> str:
        size = MOST_NOTES * _WORDS
        self.numbers = {f: n for n, f in enumerate(self.module.functions)}
        return super().text(groups) + "\n".join(
            [
                f"@notes = internal global [{size} x i64] zeroinitializer",
                "@noted = internal global i64 0",
                "define i64 @notes_at() {",
                " ret i64 ptrtoint (ptr @notes to i64)",
                "}",
                "define i64 @noted_at() {",
                " ret i64 ptrtoint (ptr @noted to i64)",
                "}",
                "define internal void @note(i64 %kind, i64 %a, i64 %b, i64 %c) noinline {",
                " %n = load i64, ptr @noted",
                " %m = add i64 %n, 1",
                " store i64 %m, ptr @noted",
                f" %room = icmp ult i64 %n, {MOST_NOTES}",
                " br i1 %room, label %yes, label %no",
                "yes:",
                f" %at = mul i64 %n, {_WORDS}",
                " %p0 = getelementptr i64, ptr @notes, i64 %at",
                " store i64 %kind, ptr %p0",
                " %p1 = getelementptr i64, ptr %p0, i64 1",
                " store i64 %a, ptr %p1",
                " %p2 = getelementptr i64, ptr %p0, i64 2",
                " store i64 %b, ptr %p2",
                " %p3 = getelementptr i64, ptr %p0, i64 3",
                " store i64 %c, ptr %p3",
                " br label %no",
                "no:",
                " ret void",
                "}",
                "",
            ]
        )

    def _note(self, kind: int, a: str, b: str, c: str) -> None:
        self.w(f" call void @note(i64 {kind}, i64 {a}, i64 {b}, i64 {c})")

    def _enter(self, f: ir.Function) -> None:
        super()._enter(f)
        if not self.inside_step and is_noted(f):
            told = [f"%a{f.params[n].index}" for n, _ in telling_parameters(f)]
            self._note_call(f, told)

    def _call_to(self, call: ir.CallTo) -> None:
        told = [self.get(call.args[n]) for n, _ in telling_parameters(call.function)]
        self._note_call(call.function, told)
        super()._call_to(call)

    def _note_call(self, f: ir.Function, told: Sequence[str]) -> None:
        first, second = [*told, "0", "0"][:2]
        self._note(ENTER, str(self.numbers[f]), first, second)

    def _return(self, b: int, term: ir.Return) -> None:
        if is_noted(self.f):
            self._note(LEAVE, str(self.numbers[self.f]), self.get(term.value), "0")
        super()._return(b, term)

    def instruction(self, instr: ir.Instr) -> None:
        """Emit one instruction; a write of shared memory is noted."""
        if not isinstance(instr, ir.Store) or not isinstance(instr.location, ir.Shared):
            super().instruction(instr)
            return
        value = self.get(instr.src)
        pointer, size, signed = self.address(instr.location)
        before = self.load_int(pointer, size, signed)
        self.store_int(pointer, size, value)
        after = self.load_int(pointer, size, signed)
        p, s, offset = self.reg(), self.reg(), self.reg()
        self.w(f" {p} = ptrtoint ptr {pointer} to i64")
        self.w(f" {s} = ptrtoint ptr %s to i64")
        self.w(f" {offset} = sub i64 {p}, {s}")
        self._note(WRITE, offset, before, after)


def _kernel_names(functions: Sequence[ir.Function]) -> list[str]:
    spaces = {id(f.text.__globals__): f.text.__globals__ for f in functions}
    made = {
        text: value.__name__
        for space in spaces.values()
        for value in list(space.values())
        if isinstance(value, KernelFunction)
        for text in value.texts()
    }
    return [made.get(f.text, f.display) for f in functions]


class TracedSystem(System):
    """A system whose steps can be asked what they do. Steps are single accesses."""

    emitter = _TracedEmitter

    def __init__(
        self,
        entries: Sequence[Callable[[], None]],
        config: Config,
        kernels: Sequence[KernelView],
        groups: Sequence[Sequence[Callable[[], bool]]] = (),
    ) -> None:
        super().__init__(entries, config, kernels, merged=False, groups=groups)
        #: the kernel's name of each function: that of all its versions
        self.names = _kernel_names(self.module.functions)
        place = ctypes.CFUNCTYPE(ctypes.c_uint64)
        notes = place(self.native.address("notes_at"))()
        count = place(self.native.address("noted_at"))()
        self._notes = int(notes)
        self._known: dict[bytes, tuple[Note, ...]] = {}
        self._noted = ctypes.c_int64.from_address(count)

    def traced_step(self, state: bytes, task: int, choice: int, kernel: int) -> tuple[int, Taken]:
        """One step: what `step` returned (BLOCKED: nothing happened), and what it did."""
        self._noted.value = 0
        result, after = self.step(state, task, choice, kernel)
        if result == BLOCKED:
            return result, Taken(task, choice, state, (), None)
        failure = self.failure(after, task) if result & VIOLATED else None
        return result, Taken(task, choice, after, self._told(), failure)

    def _told(self) -> tuple[Note, ...]:
        count = self._noted.value
        if count > MOST_NOTES:
            raise ModelError(f"a step does more than can be noted: {count}")
        raw = ctypes.string_at(self._notes, count * _WORDS * 8)
        found = self._known.get(raw)
        if found is None:
            words = struct.unpack(f"{count * _WORDS}q", raw)
            made = (Note(*words[k : k + _WORDS]) for k in range(0, len(words), _WORDS))
            found = tuple(n for n in made if n.kind != WRITE or n.b != n.c)
            self._known[raw] = found
        return found

    def traced_steps(self, state: bytes, task: int, kernel: int) -> list[Taken]:
        """All ways in which a task can go on."""
        found: list[Taken] = []
        while True:
            result, taken = self.traced_step(state, task, len(found), kernel)
            if result == BLOCKED:
                return found
            found.append(taken)
            if not result & MORE:
                return found
