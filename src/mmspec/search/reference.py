"""The reference search: CPython executes the functions themselves, one interleaving at a time.

It shares nothing with the compiler but the list of which variables are alive at which stop (a
state must not depend on dead ones). Greenlets cannot be copied, so each state is reached again
from the start: this is for thousands of states, and for checking the fast search against.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from mmspec.compiler import ir
from mmspec.compiler.machine import SetUp
from mmspec.compiler.system import System, TaskView
from mmspec.lang.program import discover
from mmspec.lang.source import leading_wait, without_assertions
from mmspec.lang.structs import OnStack, StackArray, StackRef, Struct
from mmspec.lang.world import Access, Task, World
from mmspec.search.ranges import Ranges

Key = tuple[Any, ...]
Place = tuple[int, int, int, int]


@dataclass
class Explored:
    """A set of canonical states and the number of transitions between them."""

    states: set[Key]
    transitions: int


def _place(span: ir.Span) -> Place:
    return span.line, span.col, span.end_line, span.end_col


class _Positions:
    """Source positions of instructions, by code object."""

    def __init__(self) -> None:
        self.known: dict[CodeType, list[Any]] = {}

    def of(self, frame: FrameType) -> Place:
        """Where a suspended or calling frame stands."""
        code = frame.f_code
        if code not in self.known:
            self.known[code] = list(code.co_positions())
        line, end_line, col, end_col = self.known[code][frame.f_lasti // 2]
        return line, col, end_line, end_col

    def exit(self, frame: FrameType, place: Place) -> int:
        """Which exit of the `with` statement at `place` this is: 0 for the first in the code."""
        same = []
        for instruction in dis.get_instructions(frame.f_code):
            found = instruction.positions
            if instruction.opname == "CALL" and instruction.arg and found is not None:
                here = (found.lineno, found.col_offset, found.end_lineno, found.end_col_offset)
                if here == place:
                    same.append(instruction.offset)
        return same.index(frame.f_lasti)


class Reference:
    """CPython executions of one scenario, and their states in the compiler's terms."""

    def __init__(
        self,
        system: System,
        set_up: SetUp,
        tasks: Sequence[Callable[[], None]],
        kernel: int = 0,
    ) -> None:
        self.system = system
        self.tasks = list(tasks)
        self.set_up = set_up
        self.kernel = kernel
        view = system.kernels[kernel]
        entries = [fn for _, fn in set_up] + self.tasks
        self.world = World(
            discover(entries),
            system.config,
            view.changes,
            merged=system.merged,
            asserts=view.asserts,
        )
        texts = self.world.program.functions
        self.codes = {fn.__code__ if view.asserts else without_assertions(fn) for fn in texts}
        #: conditions of atomic functions, which are evaluated before the function is entered
        self.conditions = {leading_wait(fn): fn.__name__ for fn in texts}
        self.positions = _Positions()
        self.ranges = Ranges(system.module.functions, self.codes)
        self.history: dict[FrameType, dict[tuple[Place, str], int]] = {}
        self.after_set_up: list[int] = []
        self._sites()

    def _sites(self) -> None:
        """Index the compiler's stops by place in the source."""
        self.points: dict[tuple[str, int, Place, str, str], list[ir.Point]] = {}
        self.calls: dict[tuple[str, int, Place], int] = {}
        for f in self.system.module.functions:
            if not f.has_points:
                continue
            code = f.text.__code__
            for block in f.blocks:
                term = block.term
                if isinstance(term, ir.Point):
                    site = term.site
                    key = (
                        code.co_name,
                        code.co_firstlineno,
                        _place(site.span),
                        site.kind,
                        site.name,
                    )
                    self.points.setdefault(key, []).append(term)
                elif isinstance(term, ir.CallTo):
                    live = self.system.frames.analysis[f].across[term][self.kernel]
                    place = (code.co_name, code.co_firstlineno, _place(term.span))
                    self.calls[place] = self.calls.get(place, 0) | live
        self.by_text = {
            (f.text.__code__.co_name, f.text.__code__.co_firstlineno): f
            for f in self.system.module.functions
            if f.has_points or not f.atomic
        }

    # ------------------------------------------------------------------ search

    def explore(self, limit: int = 50_000) -> Explored:
        """Breadth-first over all interleavings, by re-execution."""
        seen: set[Key] = set()
        transitions = 0
        with self.world.active():
            old = sys.getprofile(), sys.gettrace()
            sys.setprofile(self._profile)
            try:
                seen.add(self._reach(()))
                frontier: list[tuple[tuple[int, int], ...]] = [()]
                while frontier:
                    following = []
                    for path in frontier:
                        for number in range(len(self.tasks)):
                            choice = 0
                            while True:
                                self._reach(path)
                                sys.settrace(self.ranges)
                                if not self.world.step(number, choice):
                                    break
                                transitions += 1
                                more = self.world.tasks[number].choices
                                key = self.key()
                                if key not in seen:
                                    seen.add(key)
                                    following.append((*path, (number, choice)))
                                choice += 1
                                if choice >= more:
                                    break
                        if len(seen) > limit:
                            raise RuntimeError(f"more than {limit} states")
                    frontier = following
            finally:
                sys.setprofile(old[0])
                sys.settrace(old[1])
        return Explored(seen, transitions)

    def _reach(self, path: Sequence[tuple[int, int]]) -> Key:
        world = self.world
        self.history.clear()
        world.watch = self._watch
        if not self.after_set_up:
            world.values = [0] * world.layout.slots
            for number, fn in self.set_up:
                world.run_alone(number, fn)
            self.after_set_up = list(world.values)
        world.values = list(self.after_set_up)
        self.ranges.lines.clear()
        sys.settrace(self.ranges)
        world.start(self.tasks)
        for number, choice in path:
            world.tasks[number].choices = 1
            sys.settrace(self.ranges)
            if not world.step(number, choice):
                raise AssertionError("re-execution took another way")
        for task in world.tasks:
            task.choices = 1
        return self.key() if not path else ()

    # ------------------------------------------------------------------ observation

    def _innermost(self, frame: FrameType | None) -> FrameType | None:
        while frame is not None and frame.f_code not in self.codes:
            frame = frame.f_back
        return frame

    def _watch(self, access: Access) -> None:
        if access.kind == "read" and not self.world.in_atomic:
            frame = self._innermost(sys._getframe(1))
            if frame is not None:
                place = self.positions.of(frame)
                self.history.setdefault(frame, {})[place, "read"] = access.new

    def _profile(self, frame: FrameType, event: str, value: Any) -> None:
        if event == "return" and (frame.f_code in self.codes or frame.f_code is _CHOOSE):
            caller = self._innermost(frame.f_back)
            if caller is not None and self.world.running is not None:
                place = self.positions.of(caller)
                kind = "choose" if frame.f_code is _CHOOSE else "result"
                self.history.setdefault(caller, {})[place, kind] = self.plain(value)

    def plain(self, value: Any) -> int:
        """A Python value as the compiler stores it."""
        if value is None:
            return 0
        if isinstance(value, Struct):
            return value._mmspec_index + 1
        if isinstance(value, OnStack):
            return 1
        if isinstance(value, StackArray):
            return 0
        if callable(value):
            return self.system.addressed[value]
        return int(value)

    # ------------------------------------------------------------------ canonical states

    def key(self) -> Key:
        """The present state: memory, and for each task its stack with what is alive in it."""
        return (tuple(self.world.values), *(self._task_key(n) for n in range(len(self.tasks))))

    def _task_key(self, number: int) -> Key:
        task = self.world.tasks[number]
        if task.stop[0] in ("end", "entry"):
            return (task.stop[0],)
        if task.stop[0] == "error":
            assert task.error is not None
            if task.error.place is not None:
                return ("error", task.error.kind, *task.error.place)
            traceback = (task.error.__cause__ or task.error).__traceback__
            line, name = 0, ""
            while traceback is not None:
                code = traceback.tb_frame.f_code
                if code in self.codes:
                    line, name = traceback.tb_lineno, code.co_name
                elif code in self.conditions:
                    line, name = traceback.tb_lineno, self.conditions[code]
                traceback = traceback.tb_next
            return ("error", task.error.kind, name, line)
        frames = self.world.frames(number)
        found = []
        for frame in frames[:-1]:
            place = self.positions.of(frame)
            code = frame.f_code
            live = self.calls[code.co_name, code.co_firstlineno, place]
            found.append(self._frame_key(frame, place, live, -1))
        frame = frames[-1]
        place = self.positions.of(frame)
        code = frame.f_code
        kind, name = task.stop
        points = self.points[code.co_name, code.co_firstlineno, place, kind, name]
        point, exit = points[0], -1
        if point.site.exit >= 0:
            exit = self.positions.exit(frame, place)
            point = next(p for p in points if p.site.exit == exit)
        live = self.system.frames.analysis[point.site.function].live[point][self.kernel]
        found.append((*self._frame_key(frame, place, live, exit), kind, name))
        return (*found, self._held_key(task))

    def _held_key(self, task: Task) -> Key:
        found = []
        for cls in self.world.layout.structs:
            for index in range(self.world.layout.count[cls]):
                shared = task.held.get(self.world.lock_number(cls.at(index)))
                if shared is not None:
                    found.append((cls.__name__, index, shared))
        return tuple(sorted(found))

    def _frame_key(self, frame: FrameType, place: Place, live: int, exit: int) -> Key:
        code = frame.f_code
        f = self.by_text[code.co_name, code.co_firstlineno]
        values = []
        for var in f.vars:
            if not live >> var.index & 1:
                continue
            if var.temp:
                assert var.read_at is not None
                span, kind = var.read_at
                values.append((var.name, self.history[frame][_place(span), kind]))
            else:
                values.append((var.name, self._local(var, frame.f_locals[var.name])))
        return (code.co_name, place, exit, tuple(values))

    def _local(self, var: ir.Var, value: Any) -> Any:
        if var.stack is not None:
            found = []
            for name in var.stack.fields():
                item = value.__dict__[name]
                found.append(
                    tuple(map(self.plain, item.values))
                    if isinstance(item, StackArray)
                    else self.plain(item)
                )
            return tuple(found)
        return self.plain(value)


_CHOOSE = World.choose.__code__


# ------------------------------------------------------------------- the compiled side


def compiled_key(system: System, state: bytes, kernel: int = 0) -> Key:
    """A state of the compiled system in the form that `Reference.key` gives."""
    tasks = (system.task(state, n, kernel) for n in range(system.tasks_of(state)))
    return (tuple(system.memory(state)), *map(_compiled_task, tasks))


def _compiled_task(task: TaskView) -> Key:
    if task.fault is not None:
        fault = task.fault
        return ("error", fault.kind, fault.function.text.__name__, fault.span.line)
    if not task.frames:
        return ("end",)
    if task.frames[-1].site is not None and task.frames[-1].site.kind == "entry":
        return ("entry",)
    found: list[Key] = []
    for view in task.frames:
        site = view.site
        span = site.span if site is not None else view.call.span if view.call else None
        assert span is not None
        values = tuple((var.name, _plain(var, value)) for var, value in view.live.items())
        code = view.function.text.__code__
        key: Key = (code.co_name, _place(span), site.exit if site is not None else -1, values)
        found.append((*key, site.kind, site.name) if site is not None else key)
    held = [(type(lock).__name__, lock._mmspec_index, shared) for lock, shared in task.held]
    return (*found, tuple(sorted(held)))


def _plain(var: ir.Var, value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(tuple(v) if isinstance(v, list) else v for v in value.values())
    if isinstance(var.type, StackRef):
        return int(value != 0)
    return value


def explore_compiled(
    system: System, initial: bytes, kernel: int = 0, limit: int = 200_000
) -> tuple[set[bytes], int]:
    """Breadth-first by single native steps: slow, simple, and shows every state."""
    seen = {initial}
    frontier = [initial]
    transitions = 0
    while frontier:
        following = []
        for state in frontier:
            for _, _, after in system.successors(state, kernel):
                transitions += 1
                if after not in seen:
                    seen.add(after)
                    following.append(after)
        if len(seen) > limit:
            raise RuntimeError(f"more than {limit} states")
        frontier = following
    return seen, transitions


__all__ = ["Explored", "Reference", "compiled_key", "explore_compiled"]
