"""What the specification is being read for: a configuration, a kernel and, when it runs, a world.

Sizes (`HPAGE_PMD_NR`) and changes (`has(SPLIT_FREEZE_FLAG)`) are constants of one check but not of
the source text. Both look them up here, whether CPython executes the text or the compiler folds it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmspec.lang.world import World


class ModelError(Exception):
    """The specification itself is at fault: an overflow, an undeclared size, a bad index."""


@dataclass(frozen=True)
class Config:
    """Sizes of one check, by parameter name; a parameter not named has its default."""

    sizes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, **sizes: int) -> Config:
        """A configuration from keyword arguments, each the name of a `param`."""
        unknown = sorted(set(sizes) - set(_PARAMS))
        if unknown:
            known = ", ".join(sorted(_PARAMS))
            raise ModelError(f"no such parameter: {', '.join(unknown)}; there are {known}")
        return cls(dict(sizes))

    def with_(self, **sizes: int) -> Config:
        """The same configuration with some sizes replaced."""
        return Config.of(**{**self.sizes, **sizes})

    def key(self) -> tuple[tuple[str, int], ...]:
        """All sizes in a fixed order, defaults included."""
        with reading(self):
            return tuple((name, int(_PARAMS[name])) for name in sorted(_PARAMS))


@dataclass
class _Context:
    config: Config
    changes: Collection[Any]
    world: World | None = None


_current = _Context(Config(), frozenset())


def current() -> _Context:
    """The context in force."""
    return _current


@contextmanager
def reading(
    config: Config, changes: Collection[Any] = frozenset(), world: World | None = None
) -> Iterator[None]:
    """Read the specification for `config` and `changes`, until the block is left."""
    global _current
    before = _current
    _current = _Context(config, changes, world)
    try:
        yield
    finally:
        _current = before


def has(change: Any) -> bool:
    """Whether the kernel under check contains `change` (a `mmspec.kernels.Change`)."""
    return change in _current.changes


def asserting() -> bool:
    """Whether the kernel under check verifies `assert`: its CONFIG_DEBUG_VM."""
    return _current.world is None or _current.world.asserts


class Param:
    """A constant of the configuration; behaves as the integer it stands for at the moment."""

    def __init__(self, value: Callable[[], int], name: str) -> None:
        self._value = value
        self.name = name

    def __index__(self) -> int:
        return self._value()

    __int__ = __index__

    def __bool__(self) -> bool:
        return self._value() != 0

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        return str(self._value())

    def __format__(self, spec: str) -> str:
        return format(self._value(), spec)


def _install_operators() -> None:
    def forward(op: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *other: op(int(self), *map(int, other))

    def reflected(op: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, other: op(int(other), int(self))

    for name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and_", "or_", "xor"):
        op = getattr(operator, name)
        setattr(Param, f"__{name.rstrip('_')}__", forward(op))
        setattr(Param, f"__r{name.rstrip('_')}__", reflected(op))
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "invert", "pos"):
        setattr(Param, f"__{name}__", forward(getattr(operator, name)))


_install_operators()
_PARAMS: dict[str, Param] = {}


def param(name: str, default: int) -> Any:
    """A size that a configuration may set, `default` unless it does. Type it as `int`."""
    if name in _PARAMS:
        raise ModelError(f"parameter {name!r} is declared twice")
    made = Param(lambda: _current.config.sizes.get(name, default), name)
    _PARAMS[name] = made
    return made


def derived(value: Callable[[], int]) -> Any:
    """A constant computed from parameters: `derived(lambda: 1 << HPAGE_PMD_ORDER)`."""
    return Param(value, "derived")
