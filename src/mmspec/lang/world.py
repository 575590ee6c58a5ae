"""Plain CPython execution of the specification: unmodified functions under a scheduler.

Each task runs in a greenlet. Before every access to shared memory it hands control back, so one
step of a task is: the access it stopped at, then everything up to the next one. Because the
functions are executed by CPython itself, pdb works inside them.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any

import greenlet

from mmspec.lang import context
from mmspec.lang.context import Config, ModelError
from mmspec.lang.ints import IntType
from mmspec.lang.primitives import UNCHECKED, KernelFunction
from mmspec.lang.program import Program
from mmspec.lang.structs import (
    ArrayOf,
    Embed,
    Field,
    Layout,
    Pool,
    Ref,
    StaticPool,
    Struct,
    static_object,
    type_of_hint,
)

#: What a task is about to do: (kind, name). Kinds: `entry`, `read`, `write`, `call` (an atomic
#: step), `choose`, `wait`, `end`, `error`.
Stop = tuple[str, str]


class Violation(Exception):
    """The specification has found a fault of the kernel (or of itself) while executing."""

    def __init__(self, kind: str, text: str, details: Sequence[object] = ()) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.details = tuple(details)
        #: function and line, if the traceback does not tell
        self.place: tuple[str, int] | None = None


@dataclass
class Access:
    """One executed access, for those who watch: values are as stored (pointers: index plus one)."""

    task: int
    kind: str
    field: Field
    index: int
    element: int
    old: int
    new: int


@dataclass
class Task:
    """A greenlet and where it stands."""

    number: int
    fn: Callable[[], None]
    greenlet: greenlet.greenlet | None = None
    stop: Stop = ("entry", "")
    error: Violation | None = None
    #: 0: nothing executed in this step; 1: only acquisitions; 2: something visible
    phase: int = 0
    choice: int = 0
    choices: int = 1
    held: dict[int, bool] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.stop[0] in ("end", "error")


_BLOCKED: Stop = ("blocked", "")


class World:
    """Memory and tasks of one execution.

    merged: stop only where the merged search does (see docs/reductions.md); otherwise before
    every access.
    """

    def __init__(
        self,
        program: Program,
        config: Config,
        changes: Any = frozenset(),
        *,
        merged: bool = False,
        asserts: bool = True,
    ) -> None:
        self.program = program
        self.config = config
        self.changes = changes
        self.merged = merged
        self.asserts = asserts
        with context.reading(config, changes, self):
            self.layout = Layout(program.pools)
        self.values = [0] * self.layout.slots
        self.tasks: list[Task] = []
        self.running: Task | None = None
        self.in_atomic = 0
        self.unchecked = False
        self.watch: Callable[[Access], None] | None = None
        self._hub: greenlet.greenlet | None = None
        self._lock_base: dict[type[Struct], int] = {}
        locks = 0
        for cls in self.layout.structs:
            self._lock_base[cls] = locks
            locks += self.layout.count[cls]

    # ------------------------------------------------------------------ running tasks

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the world that field accesses refer to."""
        for cls in self.layout.structs:
            cls._mmspec_instances.clear()
            cls.fields()
        for p in self.layout.pools:
            if isinstance(p, StaticPool):
                obj = static_object(p)
                obj._mmspec_index = self.layout.pool_start[p.order]
                p.cls._mmspec_instances[obj._mmspec_index] = obj
        with (
            context.reading(self.config, self.changes, self),
            _assertions(self.program.functions, self.asserts),
        ):
            yield

    def start(self, functions: Sequence[Callable[[], None]]) -> None:
        """Replace the tasks by new ones, each at its first stop (merged: at its entry)."""
        self.tasks = [Task(number, fn) for number, fn in enumerate(functions)]
        if not self.merged:
            for task in self.tasks:
                self.step(task.number)

    def run_alone(self, number: int, fn: Callable[[], None]) -> None:
        """Execute `fn` as task `number`, to its end, while nothing else runs."""
        self.tasks = [Task(k, fn) for k in range(number + 1)]
        task = self.tasks[number]
        while not task.finished:
            if not self.step(number):
                raise ModelError(f"set-up blocks in {fn.__name__}")
        if task.error is not None:
            raise task.error

    def step(self, number: int, choice: int = 0) -> bool:
        """Let a task take one step; False, and nothing changed, if it is blocked."""
        task = self.tasks[number]
        if task.finished:
            return False
        task.phase = 1 if task.greenlet is None and not self.merged else 0
        task.choice = choice
        self.running = task
        self._hub = greenlet.getcurrent()
        try:
            if task.greenlet is None:
                task.greenlet = greenlet.greenlet(self._body)
                stop = task.greenlet.switch(task)
            else:
                stop = task.greenlet.switch()
        finally:
            self.running = None
        if stop is _BLOCKED:
            return False
        task.stop = stop
        return True

    def _body(self, task: Task) -> Stop:
        try:
            task.fn()
        except Violation as violation:
            task.error = violation
        except AssertionError as error:
            task.error = Violation("VM_BUG_ON", str(error))
            task.error.__cause__ = error
        except AttributeError as error:
            if error.obj is not None:
                raise
            task.error = Violation("oops", f"NULL pointer dereference: {error.name}")
            task.error.__cause__ = error
        except TypeError as error:
            if "'NoneType'" not in str(error):
                raise
            task.error = Violation("oops", f"NULL pointer dereference: {error}")
            task.error.__cause__ = error
        if task.error is not None:
            self.in_atomic = 0
            self.unchecked = False
            return ("error", task.error.kind)
        task.held.clear()
        return ("end", "")

    def _stop(self, stop: Stop) -> None:
        assert self._hub is not None and self.running is not None
        self._hub.switch(stop)
        self.running.phase = 0

    def _point(self, stop: Stop, visible: bool) -> None:
        """Stop before a plain access, unless it can be merged with what this step did so far."""
        task = self.running
        assert task is not None
        if not self.merged:
            if task.phase:
                self._stop(stop)
            task.phase = 2
        elif visible:
            if task.phase == 2:
                self._stop(stop)
            task.phase = 2

    def _guarded_point(self, stop: Stop, mover: str, ready: Callable[[], bool]) -> None:
        """Stop before a step that can block, and wait there until it cannot.

        Two acquisitions are two steps even if merged: each task may have got one of two locks.
        """
        task = self.running
        assert task is not None
        early = 1 if self.merged and mover == "visible" else 0
        if task.phase > early:
            self._stop(stop)
        while not ready():
            if task.phase:
                self._stop(stop)
            else:
                assert self._hub is not None
                self._hub.switch(_BLOCKED)
        task.phase = 1 if self.merged and mover == "acquire" else 2

    # ------------------------------------------------------------------ memory

    def load(self, field: Field, index: int, k: int) -> Any:
        """Read a scalar or a pointer."""
        slot = self.layout.slot(field, index, k)
        if self.running is not None and not self.in_atomic:
            self._point(("read", str(field)), self._read_is_visible(field, index))
        self._check_lock(field, index, write=False)
        value = self.values[slot]
        if self.watch is not None and self.running is not None:
            number = self.running.number
            self.watch(Access(number, "read", field, index, k, value, value))
        if isinstance(field.elem, Ref):
            return field.elem.cls.at(value - 1) if value else None
        return value

    def store(self, field: Field, index: int, k: int, value: Any) -> None:
        """Write a scalar or a pointer."""
        kind = field.elem
        if isinstance(kind, Ref):
            if value is not None and not isinstance(value, kind.cls):
                raise ModelError(f"{field} is a {kind}, not a {type(value).__name__}")
            stored = 0 if value is None else value._mmspec_index + 1
        else:
            stored = int(value)
            assert isinstance(kind, IntType)
            if not kind.lo <= stored <= kind.hi:
                self.overflow(f"{stored} does not fit {field}: {kind}")
        slot = self.layout.slot(field, index, k)
        if self.running is not None and not self.in_atomic:
            self._point(("write", str(field)), self._write_is_visible(field))
        self._check_lock(field, index, write=True)
        old = self.values[slot]
        self.values[slot] = stored
        if self.watch is not None and self.running is not None:
            self.watch(Access(self.running.number, "write", field, index, k, old, stored))

    def embedded(self, field: Field, owner: int, k: int) -> Any:
        """The struct that is element `k` of an embedding field."""
        assert isinstance(field.elem, Embed)
        return field.elem.cls.at(self.layout.embedded_index(field, owner, k))

    def pool_element(self, p: Pool[Any], index: int) -> Any:
        """Element `index` of a pool."""
        if not 0 <= index < len(p):
            self.oops(f"index {index} is outside the pool of {len(p)} {p.cls.__name__}")
        return p.cls.at(self.layout.pool_start[p.order] + index)

    def neighbour(self, obj: Any, n: int) -> Any:
        """The instance `n` places after `obj` in memory."""
        index = obj._mmspec_index + n
        if not 0 <= index < self.layout.count[type(obj)]:
            self.oops(f"{obj!r} + {n} is outside memory")
        return type(obj).at(index)

    def index_of(self, obj: Any) -> int:
        """The index of an object in its pool, or in the array that embeds it."""
        cls, index = type(obj), obj._mmspec_index
        owner = self.layout.owner_of(cls, index)
        if owner is not None:
            return owner[2]
        found = self.layout.pool_of(cls, index)
        assert found is not None
        return int(found[1])

    def owner_of(self, obj: Any) -> Any:
        """The struct that embeds `obj`."""
        owner = self.layout.owner_of(type(obj), obj._mmspec_index)
        if owner is None:
            raise ModelError(f"{obj!r} is not embedded in anything")
        return owner[0].owner.at(owner[1])

    # ------------------------------------------------------------------ locks

    def lock_number(self, lock: Any) -> int:
        """A number for any object that serves as a lock."""
        return int(self._lock_base[type(lock)] + lock._mmspec_index)

    def acquired(self, lock: Any, shared: bool) -> None:
        """The running task takes a lock."""
        task = self.running
        if task is None:
            return
        number = self.lock_number(lock)
        if number in task.held:
            self.bug("locking", f"{lock!r} is taken again by the task that holds it", (lock,))
        task.held[number] = shared

    def released(self, lock: Any, shared: bool) -> None:
        """The running task gives a lock back."""
        task = self.running
        if task is None:
            return
        if task.held.pop(self.lock_number(lock), None) is not shared:
            self.bug("locking", f"{lock!r} is released by a task that does not hold it", (lock,))

    def holds(self, lock: Any, shared: bool) -> bool:
        """Whether the running task holds a lock, exclusively or at least shared."""
        task = self.running
        if task is None:
            return True
        mode = task.held.get(self.lock_number(lock))
        return mode is not None and (shared or not mode)

    def _lock_of(self, field: Field, index: int) -> Any:
        """The lock that a field's discipline names; None if the path has a NULL in it."""
        cls: type[Struct] = field.owner
        for part in field.discipline.lock.split("."):
            if part == "owner":
                owner = self.layout.owner_of(cls, index)
                if owner is None:
                    raise ModelError(f"{field}: {cls.__name__} is not embedded in anything")
                cls, index = owner[0].owner, owner[1]
                continue
            step = cls.fields()[part]
            if isinstance(step.type, Embed):
                cls, index = step.type.cls, self.layout.embedded_index(step, index, 0)
            elif isinstance(step.type, Ref):
                value = self.values[self.layout.slot(step, index)]
                if not value:
                    return None
                cls, index = step.type.cls, value - 1
            else:
                raise ModelError(f"{field}: {part} is not a struct")
        return cls.at(index)

    def _holds_guard(self, field: Field, index: int, shared: bool) -> bool:
        lock = self._lock_of(field, index)
        return lock is not None and self.holds(lock, shared)

    def _check_lock(self, field: Field, index: int, write: bool) -> None:
        kind = field.discipline.kind
        if self.running is None or self.unchecked or kind in ("free", "immutable", "counter"):
            return
        if kind in ("written_under", "volatile") and not write:
            return
        if not self._holds_guard(field, index, shared=not write):
            lock = field.discipline.lock
            self.bug("data race", f"{field} accessed without {lock}", (field.owner.at(index),))

    def _read_is_visible(self, field: Field, index: int) -> bool:
        kind = field.discipline.kind
        if kind in ("immutable", "guarded"):
            return False
        if kind == "written_under":
            return not self._holds_guard(field, index, shared=True)
        return True

    def _write_is_visible(self, field: Field) -> bool:
        return field.discipline.kind not in ("immutable", "guarded")

    # ------------------------------------------------------------------ primitives

    def atomic_step(self, fn: KernelFunction[..., Any], text: FunctionType, args: Any) -> Any:
        """Execute a function as one step."""
        self._check_arguments(text, args)
        task = self.running
        if task is None or self.in_atomic:
            outer = self.unchecked
            self.unchecked = outer or fn.role in UNCHECKED
            try:
                return text(*args)
            finally:
                self.unchecked = outer
        stop = ("call", fn.__name__)
        mover = fn.mover(text)
        condition = _condition_of(text, args)
        if condition is not None:
            self._guarded_point(stop, mover, lambda: self._quietly(condition))
        elif mover == "acquire":
            self._guarded_point(stop, mover, lambda: True)
        elif mover == "release" and self.merged:
            task.phase = 2
        elif mover == "pick" and self.merged:
            if task.phase:
                self._stop(stop)
            task.phase = 2
        else:
            self._point(stop, mover != "invisible")
        self.in_atomic += 1
        self.unchecked = fn.role in UNCHECKED
        try:
            return text(*args)
        finally:
            self.in_atomic = 0
            self.unchecked = False

    def _check_arguments(self, text: FunctionType, args: Sequence[Any]) -> None:
        for name, value in zip(text.__code__.co_varnames, args, strict=False):
            kind = _parameter_types(text).get(name)
            if kind is not None and not kind.lo <= int(value) <= kind.hi:
                self.overflow(f"{int(value)} does not fit {text.__name__}({name}=): {kind}")

    def _quietly(self, condition: Callable[[], bool]) -> bool:
        self.in_atomic += 1
        try:
            return bool(condition())
        finally:
            self.in_atomic -= 1

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Block the running task; inside an atomic step its own entry has done so already."""
        if self.running is None or self.in_atomic:
            if not condition():
                raise ModelError("wait_until() would wait for ever: nothing else runs")
            return
        self._guarded_point(("wait", ""), "visible", lambda: self._quietly(condition))

    def choose(self, n: int) -> int:
        """The choice the scheduler made for this step."""
        task = self.running
        if task is None:
            raise ModelError("choose() works only in a task")
        if not 0 <= n < 256:
            raise ModelError(f"choose({n}): between 1 and 255 alternatives")
        if not self.in_atomic:
            if task.phase:
                self._stop(("choose", ""))
            task.phase = 1 if self.merged else 2
        if n == 0:
            self.bug("choice", "choose(0): there is no alternative")
        task.choices = n
        if task.choice >= n:
            raise ModelError(f"choice {task.choice} of {n}")
        return task.choice

    def this_task(self) -> int:
        """The number of the running task."""
        if self.running is None:
            raise ModelError("this_task() works only in a task")
        return self.running.number

    # ------------------------------------------------------------------ faults

    def bug(self, kind: str, text: str, details: Sequence[object] = ()) -> None:
        """Stop the task with a violation."""
        raise Violation(kind, text, details)

    def oops(self, text: str) -> None:
        """Stop the task: it used a wild pointer."""
        raise Violation("oops", text)

    def overflow(self, text: str) -> None:
        """Stop the task: a value does not fit where it is stored."""
        raise Violation("overflow", text)

    # ------------------------------------------------------------------ inspection

    def frames(self, number: int) -> list[FrameType]:
        """The task's stack, outermost first: frames of the specification only."""
        task = self.tasks[number]
        frame = task.greenlet.gr_frame if task.greenlet is not None else None
        found = []
        codes = {fn.__code__ for fn in self.program.functions}
        while frame is not None:
            if frame.f_code in codes:
                found.append(frame)
            frame = frame.f_back
        return found[::-1]

    def decoded(self, field: Field, value: int) -> Any:
        """A stored value as the specification sees it."""
        kind = field.elem
        if isinstance(kind, ArrayOf):
            kind = kind.elem
        if isinstance(kind, Ref):
            return kind.cls.at(value - 1) if value else None
        return value


@functools.cache
def _parameter_types(text: FunctionType) -> dict[str, IntType]:
    """The integer parameters of a function."""
    found = {}
    for name, hint in typing.get_type_hints(text, include_extras=True).items():
        kind = type_of_hint(hint)
        if name != "return" and isinstance(kind, IntType):
            found[name] = kind
    return found


def _condition_of(text: FunctionType, args: Sequence[Any]) -> Callable[[], bool] | None:
    """The leading `wait_until` condition of an atomic function, closed over its arguments."""
    from mmspec.lang.source import leading_wait

    code = leading_wait(text)
    if code is None:
        return None
    namespace = dict(zip(text.__code__.co_varnames, args, strict=False))
    return lambda: bool(eval(code, text.__globals__, namespace))


# ------------------------------------------------------------------------------- assertions


_stripped: dict[FunctionType, tuple[CodeType, CodeType]] = {}


@contextmanager
def _assertions(functions: Sequence[FunctionType], enabled: bool) -> Iterator[None]:
    """Run functions as `python -O` would (no `assert`) unless enabled."""
    from mmspec.lang.source import without_assertions

    if enabled:
        yield
        return
    originals = [(fn, fn.__code__) for fn in functions]
    try:
        for fn, code in originals:
            if fn not in _stripped or _stripped[fn][0] is not code:
                _stripped[fn] = (code, without_assertions(fn))
            fn.__code__ = _stripped[fn][1]
        yield
    finally:
        for fn, code in originals:
            fn.__code__ = code
