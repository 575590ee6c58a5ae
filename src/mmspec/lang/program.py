"""What a set of tasks can reach: its functions and the memory they use."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from mmspec.lang import primitives
from mmspec.lang.primitives import KernelFunction, Locked
from mmspec.lang.structs import Pool, static_pool

_BUILTINS = {
    value
    for value in vars(primitives).values()
    if isinstance(value, FunctionType) and value.__module__ == primitives.__name__
}


@dataclass(frozen=True)
class Program:
    """Functions (every text of each) and pools, in the order in which they were found."""

    functions: tuple[FunctionType, ...]
    pools: tuple[Pool[Any], ...]


def text_of(fn: Callable[..., Any]) -> FunctionType:
    """The newest text of a function, decorated or not."""
    found = fn.fn if isinstance(fn, KernelFunction) else fn
    assert isinstance(found, FunctionType)
    return found


@functools.cache
def _names(code: CodeType) -> tuple[str, ...]:
    """Names that a function's code looks up, those of functions inside it too."""
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return tuple(dict.fromkeys((*code.co_names, *(name for names in inner for name in names))))


def discover(entries: Iterable[Callable[..., Any]]) -> Program:
    """Everything reachable from `entries` by name, in any kernel."""
    functions: dict[FunctionType, None] = {}
    pools: dict[int, Pool[Any]] = {}
    todo: deque[Any] = deque(entries)
    while todo:
        found = todo.popleft()
        if isinstance(found, KernelFunction):
            todo.extend(found.texts())
        elif isinstance(found, Locked):
            todo.extend((found.take, found.give))
        elif isinstance(found, Pool):
            pools[found.order] = found
        elif static_pool(found) is not None:
            behind = static_pool(found)
            assert behind is not None
            pools[behind.order] = behind
        elif isinstance(found, FunctionType) and found not in functions:
            if found in _BUILTINS or found.__module__ == "mmspec.lang.context":
                continue
            functions[found] = None
            for name in _names(found.__code__):
                if name in found.__globals__:
                    todo.append(found.__globals__[name])
    return Program(tuple(functions), tuple(pools[order] for order in sorted(pools)))
