"""Who waits for what, and who has it: the story of a deadlock.

The condition that a task waits for is evaluated here once more, by following the intermediate
code, to see which words of memory it depends on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmspec.compiler import ir
from mmspec.compiler.llvm import BLOCKED
from mmspec.compiler.system import System, TaskView
from mmspec.lang.structs import OnStack, Struct

Name = Callable[[Struct], str]


@dataclass(frozen=True)
class Read:
    """A word that a condition depends on: field `field` (element `k`) of `thing` is `value`."""

    thing: Struct
    field: str
    k: int
    value: int


@dataclass(frozen=True)
class Wait:
    """A task that cannot go on.

    call: the function that waits, or `wait_until`; function, file, line: where it stands; callers:
    of that function, innermost last. reads: what the condition depends on. lock: the object among
    those that is a lock (None: there is none); holders: the tasks that have it, and whether shared.
    held: the locks that this task has.
    """

    task: int
    call: str
    function: str
    file: str
    line: int
    callers: tuple[str, ...]
    reads: tuple[Read, ...]
    lock: Struct | None
    holders: tuple[tuple[int, bool], ...]
    held: tuple[tuple[Struct, bool], ...]

    def sentence(self, name: Name = repr) -> str:
        """One line for a report."""
        text = f"task {self.task} waits in {self.call}() at {self.function}:{self.line}"
        if self.call == "wait_until":
            text = f"task {self.task} waits at {self.function}:{self.line}"
        if self.lock is not None:
            owners = ", ".join(f"task {n}{' (shared)' * shared}" for n, shared in self.holders)
            text += f" for {name(self.lock)}, held by {owners or 'nobody'}"
        elif self.reads:
            text += f" for a change of {', '.join(_place(r, name) for r in self.reads)}"
        held = ", ".join(f"{name(lock)}{' (shared)' * shared}" for lock, shared in self.held)
        return text + (f"; it holds {held}" if held else "; it holds nothing")


def _place(read: Read, name: Name) -> str:
    element = f"[{read.k}]" if read.thing.fields()[read.field].count > 1 else ""
    return f"{name(read.thing)}.{read.field}{element} (now {read.value})"


def waits(system: System, state: bytes, kernel: int = 0) -> list[Wait]:
    """The tasks that can go on only if others do: all that have neither ended nor failed."""
    tasks = range(system.tasks_of(state))
    stands = [_Stand(system, state, n) for n in tasks]
    full: System | None = None
    for n in tasks:
        site = _site(system.task(state, n, kernel))
        if site is not None and site.kind == "entry" and system.merged:
            # the first step is blocked somewhere inside: go there by smaller steps
            if full is None:
                entries = [f.text for f in system.module.entries]
                full = System(entries, system.config, system.kernels, merged=False)
            stands[n] = _walked(full, system, state, n, kernel)
    owners = [stand.system.task(stand.state, stand.task, kernel).held for stand in stands]
    found = []
    for stand in stands:
        wait = _wait(stand, owners, kernel)
        if wait is not None:
            found.append(wait)
    return found


@dataclass(frozen=True)
class _Stand:
    """Where a task stands: its number in a state of a system."""

    system: System
    state: bytes
    task: int


def _site(view: TaskView) -> ir.Site | None:
    return view.frames[-1].site if view.frames else None


def _walked(full: System, system: System, state: bytes, task: int, kernel: int) -> _Stand:
    counter = system.program_counter(state, task)
    entry = system.module.sites[counter - 1].function.text
    there = bytearray(state[: system.shared_size])
    there += bytes((task + 1) * full.record_size)
    full.place(there, task, entry)
    now = bytes(there)
    while full.program_counter(now, task):
        result, after = full.step(now, task, 0, kernel)
        if result == BLOCKED:
            break
        now = after
    return _Stand(full, now, task)


def _wait(
    stand: _Stand, owners: Sequence[Sequence[tuple[Struct, bool]]], kernel: int
) -> Wait | None:
    system = stand.system
    view = system.task(stand.state, stand.task, kernel)
    site = _site(view)
    if site is None:
        return None
    reads = _Condition(system, stand.state, stand.task, kernel).reads(site)
    kinds = {*system.frames.lock_bit, *system.frames.shared_bit}
    lock = next((read.thing for read in reads if type(read.thing) in kinds), None)
    holders = tuple(
        (n, shared)
        for n, held in enumerate(owners)
        for thing, shared in held
        if lock is not None and _same(thing, lock)
    )
    return Wait(
        stand.task,
        site.name if site.kind == "call" else "wait_until",
        site.function.display,
        Path(site.function.text.__code__.co_filename).name,
        site.span.line,
        tuple(frame.function.display for frame in view.frames[:-1]),
        tuple(reads),
        lock,
        holders,
        view.held,
    )


def _same(a: Struct, b: Struct) -> bool:
    return type(a) is type(b) and a._mmspec_index == b._mmspec_index


# --------------------------------------------------------------------------- conditions

_OPS: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "shl": operator.lshift,
    "shr": operator.rshift,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "min": min,
    "max": max,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_Values = dict[ir.Var, int]


class _Condition:
    """Evaluates the condition that a task waits for; it changes nothing."""

    def __init__(self, system: System, state: bytes, task: int, kernel: int) -> None:
        self.system = system
        self.state = state
        self.task = task
        self.kernel = kernel
        self.frame = system.shared_size + task * system.record_size
        self.found: dict[Read, None] = {}

    def reads(self, site: ir.Site) -> list[Read]:
        """What the condition at a stop depends on; nothing if there is none."""
        for block in site.function.blocks:
            term = block.term
            if isinstance(term, ir.Point) and term.site is site and term.guarded:
                self._run(site.function, term.to, {}, term)
        return list(self.found)

    def _run(self, f: ir.Function, b: int, values: _Values, point: ir.Point | None) -> int:
        while True:
            block = f.blocks[b]
            for instr in block.instrs:
                self._instruction(f, instr, values)
            match block.term:
                case ir.Jump(to=to):
                    b = to
                case ir.Branch(cond=cond, yes=yes, no=no):
                    b = yes if self._value(f, cond, values) else no
                case ir.Feature(mask=mask, yes=yes, no=no):
                    b = yes if mask >> self.kernel & 1 else no
                case ir.Return(value=value):
                    return self._value(f, value, values)
                case ir.Guard(cond=cond) if block.term.point is point:
                    return self._value(f, cond, values)
                case _:
                    return 0

    def _instruction(self, f: ir.Function, instr: ir.Instr, values: _Values) -> None:
        match instr:
            case ir.Move(dst=dst, src=src):
                values[dst] = self._value(f, src, values)
            case ir.Op(dst=dst, op=op, a=a, b=b):
                values[dst] = int(_OPS[op](self._value(f, a, values), self._value(f, b, values)))
            case ir.Load(dst=dst, location=location):
                values[dst] = self._load(f, location, values)
            case ir.TaskNumber(dst=dst):
                values[dst] = self.task
            case ir.Holds(dst=dst, cls=cls, ref=ref, shared=shared):
                values[dst] = int(self._holds(cls, self._value(f, ref, values) - 1, shared))
            case ir.Call(dst=dst, function=callee, args=args):
                passed = [self._value(f, arg, values) for arg in args]
                inner = dict(zip(callee.params, passed, strict=True))
                result = self._run(callee, 0, inner, None)
                if dst is not None:
                    values[dst] = result
            case _:
                pass  # checks: they have passed, or the task would have failed

    def _holds(self, cls: type[Struct], index: int, shared: bool) -> bool:
        view = self.system.task(self.state, self.task, self.kernel)
        return any(
            type(thing) is cls and thing._mmspec_index == index and (shared or not reading)
            for thing, reading in view.held
        )

    def _value(self, f: ir.Function, operand: ir.Operand, values: _Values) -> int:
        if isinstance(operand, int):
            return operand
        if operand in values:
            return values[operand]
        if operand.stack is not None:
            return f.slots[operand]
        kind = self.system.layout.scalar_type(operand.type)
        return self._int(self.frame + f.slots[operand], kind.size, kind.signed)

    def _load(self, f: ir.Function, location: ir.Location, values: _Values) -> int:
        field, layout = location.field, self.system.layout
        kind = layout.scalar(field)
        k = self._value(f, location.k, values)
        ref = self._value(f, location.ref, values)
        if isinstance(location, ir.OnFrame):
            at = self.frame + ref + self.system.frames.field_offset(field) + k * kind.size
            return self._int(at, kind.size, kind.signed)
        cls = field.owner
        assert not issubclass(cls, OnStack)
        at = layout.base[cls] + layout.offset[field] + (ref - 1) * layout.stride[cls]
        value = self._int(at + k * kind.size, kind.size, kind.signed)
        self.found[Read(cls.at(ref - 1), field.name, k, value)] = None
        return value

    def _int(self, at: int, size: int, signed: bool) -> int:
        return int.from_bytes(self.state[at : at + size], "little", signed=signed)
