"""What the language adds to Python: kernel functions, atomic steps, blocking, choice, locks, bugs.

Each of these is an ordinary object that CPython can call; the compiler knows them by identity.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from mmspec.lang.context import ModelError, current, has
from mmspec.lang.structs import Struct

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Struct)

#: Roles of an atomic step for merging: see `docs/reductions.md`.
PLAIN, ACQUIRE, RELEASE = "plain", "acquire", "release"
INITIALIZE, COMMUTE, UNLOCKED = "initialize", "commute", "unlocked"
#: Roles that may touch any field without its lock.
UNCHECKED = (INITIALIZE, UNLOCKED)


#: Files with texts of changes that are not part of this package.
changed_files: set[str] = set()


class KernelFunction(Generic[P, R]):
    """A function of the specification that is more than its text.

    fn: the newest text. file, at: what it restates. atomic: whether the whole body is one step,
    with `role` for merging. older: (change, text) pairs, newest first: the text used by kernels
    without the change. newer: pairs, the last one first in rank: the text of kernels with it.
    """

    def __init__(self, fn: Callable[P, R]) -> None:
        if not isinstance(fn, FunctionType):
            raise ModelError(f"{fn!r} is not a function")
        self.fn: FunctionType = fn
        self.file = ""
        self.at = ""
        self.atomic = False
        self.role = PLAIN
        self.older: list[tuple[Any, FunctionType]] = []
        self.newer: list[tuple[Any, FunctionType]] = []
        self.restates: dict[FunctionType, tuple[str, str]] = {}
        self.__name__: str = fn.__name__
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__

    def select(self) -> FunctionType:
        """The text that the kernel in force has."""
        found: FunctionType = self.fn
        for change, text in self.newer:
            if has(change):
                found = text
        if found is not self.fn:
            return found
        for change, text in self.older:
            if not has(change):
                found = text
        return found

    def mover(self, text: FunctionType) -> str:
        """What one of its texts is for merging, as a step: see `ir.Point`."""
        return "pick" if chooses(text) else _MOVERS[self.role]

    def texts(self) -> list[FunctionType]:
        """All texts, newest first."""
        newer = [text for _, text in reversed(self.newer)]
        return [*newer, self.fn, *(text for _, text in self.older)]

    def before(self, change: Any, at: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate the text that kernels without `change` have; `at` is a release with it."""

        def register(fn: Callable[P, R]) -> Callable[P, R]:
            text = fn.fn if isinstance(fn, KernelFunction) else fn
            assert isinstance(text, FunctionType)
            self.older.append((change, text))
            self.restates[text] = (self.file, at)
            return fn

        return register

    def changed(self, change: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate the text that kernels with `change` have: for changes in files of one's own."""

        def register(fn: Callable[P, R]) -> Callable[P, R]:
            text = fn.fn if isinstance(fn, KernelFunction) else fn
            assert isinstance(text, FunctionType)
            self.newer.append((change, text))
            self.restates[text] = (self.file, f"{self.at} with {change}")
            changed_files.add(text.__code__.co_filename)
            return fn

        return register

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        text = self.select()
        if self.atomic:
            world = current().world
            if world is None:
                raise ModelError(f"{self.__name__} touches shared memory: run it in a scenario")
            return cast(R, world.atomic_step(self, text, args))
        return cast(R, text(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<kernel function {self.__name__}>"


_MOVERS = {
    PLAIN: "visible",
    UNLOCKED: "visible",
    ACQUIRE: "acquire",
    RELEASE: "release",
    INITIALIZE: "invisible",
    COMMUTE: "invisible",
}


@functools.cache
def chooses(text: FunctionType) -> bool:
    """Whether a function, or one that it calls, contains a `choose()`."""
    seen: set[FunctionType] = set()
    todo: list[Any] = [text]
    while todo:
        found = todo.pop()
        if found is choose:
            return True
        if isinstance(found, KernelFunction):
            todo.extend(found.texts())
        elif isinstance(found, FunctionType) and found not in seen:
            seen.add(found)
            codes = [found.__code__]
            while codes:
                code = codes.pop()
                codes.extend(c for c in code.co_consts if isinstance(c, CodeType))
                todo.extend(found.__globals__.get(name) for name in code.co_names)
    return False


def _wrapped(fn: Callable[P, R]) -> KernelFunction[P, R]:
    return fn if isinstance(fn, KernelFunction) else KernelFunction(fn)


def restates(file: str, at: str) -> Callable[[Callable[P, R]], KernelFunction[P, R]]:
    """The decorated function restates the one of this name in `file`, as of release `at`."""

    def decorate(fn: Callable[P, R]) -> KernelFunction[P, R]:
        made = _wrapped(fn)
        made.file, made.at = file, at
        made.restates[made.fn] = (file, at)
        return made

    return decorate


def atomic(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """The whole function is one step: a hardware operation, or a section nobody can look into."""
    made = _wrapped(fn)
    made.atomic = True
    return made


def acquire(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """An atomic step that takes a lock which nobody tests or tries to take without blocking."""
    made = atomic(fn)
    made.role = ACQUIRE
    return made


def release(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """An atomic step that gives such a lock back."""
    made = atomic(fn)
    made.role = RELEASE
    return made


def initializer(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """An atomic step on an object that no other task can reach yet; it may write any field."""
    made = atomic(fn)
    made.role = INITIALIZE
    return made


def commuting(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """An atomic step that nobody notices: it only adds to counters, or works under locks."""
    made = atomic(fn)
    made.role = COMMUTE
    return made


def unlocked(fn: Callable[P, R]) -> KernelFunction[P, R]:
    """An atomic step that needs no lock: the processor's own, or others are kept away otherwise."""
    made = atomic(fn)
    made.role = UNLOCKED
    return made


# ------------------------------------------------------------------------------- builtins


def choose(n: int) -> int:
    """Any number from 0 to n - 1: the search tries them all."""
    world = current().world
    if world is None:
        raise ModelError("choose() works only in a scenario")
    found: int = world.choose(n)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Block until `condition`, a lambda, holds; one step, no access between test and return.

    In an atomic function it must be the first statement.
    """
    world = current().world
    if world is None:
        raise ModelError("wait_until() works only in a scenario")
    world.wait_until(condition)


def this_task() -> int:
    """The number of the task that executes this; it runs on the CPU of that number."""
    world = current().world
    if world is None:
        raise ModelError("this_task() works only in a scenario")
    found: int = world.this_task()
    return found


def index_of(obj: Struct) -> int:
    """The index of an object in its pool (of an embedded struct: in its array)."""
    world = current().world
    if world is None:
        raise ModelError("index_of() works only in a scenario")
    found: int = world.index_of(obj)
    return found


@overload
def owner_of(obj: Struct, cls: type[S]) -> S: ...
@overload
def owner_of(obj: Struct, cls: None = None) -> Any: ...
def owner_of(obj: Struct, cls: type[S] | None = None) -> Any:
    """The struct that embeds `obj`: container_of."""
    world = current().world
    if world is None:
        raise ModelError("owner_of() works only in a scenario")
    return world.owner_of(obj)


def acquired(lock: Struct, shared: bool = False) -> None:
    """Note that this task now holds `lock`; to be called by the lock's own functions."""
    world = current().world
    assert world is not None
    world.acquired(lock, shared)


def released(lock: Struct, shared: bool = False) -> None:
    """Note that this task gives `lock` back."""
    world = current().world
    assert world is not None
    world.released(lock, shared)


def holds(lock: Struct, shared: bool = False) -> bool:
    """Whether this task holds `lock` for itself; with `shared`, at least together with others."""
    world = current().world
    assert world is not None
    found: bool = world.holds(lock, shared)
    return found


def bug(kind: str, text: str, *details: object) -> None:
    """The kernel stops here, or prints what nobody wants to see: a violation of `kind`."""
    world = current().world
    assert world is not None
    world.bug(kind, text, details)


def BUG_ON(condition: bool) -> None:
    """The kernel's BUG_ON: checked with and without CONFIG_DEBUG_VM (`assert` is VM_BUG_ON)."""
    if condition:
        bug("BUG_ON", "kernel BUG")


class Locked:
    """`with locked(lock):` takes the lock for the block, whichever way it is left."""

    def __init__(
        self, take: KernelFunction[[Any], None], give: KernelFunction[[Any], None]
    ) -> None:
        self.take = take
        self.give = give

    def __call__(self, lock: Any) -> _Held:
        return _Held(self, lock)


class _Held:
    def __init__(self, kind: Locked, lock: Any) -> None:
        self.kind = kind
        self.lock = lock

    def __enter__(self) -> None:
        self.kind.take(self.lock)

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        # a task that has failed executes nothing any more
        if failed is None:
            self.kind.give(self.lock)


def locked_by(take: Any, give: Any) -> Locked:
    """A `with` form for a pair of lock functions: `locked = locked_by(spin_lock, spin_unlock)`."""
    return Locked(take, give)
