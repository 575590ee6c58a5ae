"""What a scenario's programs ask of the kernel: their calls, with the values they pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from mmspec.lang import Config
from mmspec.lang.context import ModelError, reading
from mmspec.lang.primitives import KernelFunction

#: A program that asks for more than this is cut off.
_MOST = 1000


@dataclass(frozen=True)
class Asked:
    """One call of the specification's system calls, or a load or store."""

    name: str
    arguments: tuple[int, ...]


def asked(program: Callable[[], None], config: Config, changes: Any) -> list[Asked]:
    """The calls of a program, in order; what is behind them is not executed."""
    found: list[Asked] = []
    with reading(config, changes):
        try:
            _recording(program, found)()
        except (ModelError, TypeError, ValueError, AttributeError):
            # it looks at memory: what it does then depends on an execution
            found.append(Asked("...", ()))
        except _Enough:
            pass
    return found


class _Enough(Exception):
    """A program goes on and on."""


def _recording(fn: Any, found: list[Asked]) -> Callable[..., Any]:
    """The program with every function of the specification replaced by one that takes notes."""
    text = fn.fn if isinstance(fn, KernelFunction) else fn
    assert isinstance(text, FunctionType)
    space = dict(text.__globals__)
    for name in text.__code__.co_names:
        value = space.get(name)
        if isinstance(value, KernelFunction) or _is_specified(value):
            space[name] = _noting(name, found)
        elif isinstance(value, FunctionType) and value.__module__ == text.__module__:
            space[name] = _recording(value, found)
    return FunctionType(text.__code__, space, text.__name__, text.__defaults__, text.__closure__)


def _is_specified(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__module__.startswith("mmspec.spec.")


def _noting(name: str, found: list[Asked]) -> Callable[..., int]:
    def note(*args: Any, **kwargs: Any) -> int:
        if len(found) >= _MOST:
            raise _Enough
        found.append(Asked(name, tuple(int(a) for a in (*args, *kwargs.values()))))
        return 0

    return note
