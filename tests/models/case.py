"""One micro-model in one setting, and how many states and transitions it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmspec.compiler.conventions import KernelView
from mmspec.lang import Config
from mmspec.lang.program import text_of

Counts = tuple[int, int]
NEW: Counts = (0, 0)
PLAIN = (KernelView(frozenset()),)


@dataclass(frozen=True)
class Case:
    """Tasks (and a set-up, run before them by task 0) of a micro-model.

    full, merged: (states, transitions), with a step for each access and with merged steps; full
    is None if a task fails before its first access, which is no step there.
    faults: kinds of violation that can be reached. slow: too many states for every run.
    spin: whether all values fit Promela's 32 bits.
    """

    tasks: Sequence[Callable[[], None]]
    full: Counts | None = NEW
    merged: Counts = NEW
    faults: Sequence[str] = ()
    set_up: Callable[[], None] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    kernels: tuple[KernelView, ...] = PLAIN
    kernel: int = 0
    slow: bool = False
    spin: bool = True
    note: str = ""

    @property
    def phases(self) -> list[tuple[int, Callable[[], None]]]:
        """The set-up as systems take it."""
        return [(0, self.set_up)] if self.set_up is not None else []

    @property
    def config(self) -> Config:
        """The sizes as systems take them."""
        return Config(dict(self.sizes))

    @property
    def modes(self) -> tuple[bool, ...]:
        """With merged steps and without, where there are numbers."""
        return (True,) if self.full is None else (False, True)

    def counts(self, merged: bool) -> Counts:
        """The recorded numbers."""
        found = self.merged if merged else self.full
        assert found is not None
        return found

    def __str__(self) -> str:
        names = [text_of(task).__name__ for task in self.tasks]
        module = text_of(self.tasks[0]).__module__.rpartition(".")[2]
        extra = [f"{name}={n}" for name, n in self.sizes.items()]
        if len(self.kernels) > 1:
            extra.append(f"k{self.kernel}")
        extra += [self.note] if self.note else []
        return f"{module}-{'+'.join(names)}" + (f"-{','.join(extra)}" if extra else "")


def family(*views: Any) -> tuple[KernelView, ...]:
    """Kernels by their changes."""
    return tuple(KernelView(frozenset(view)) for view in views)
