"""Values during lowering: an operand, its type, and the integers it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmspec.compiler import ir
from mmspec.lang.ints import IntType
from mmspec.lang.structs import ArrayOf, Field, Fn, Ref, StackRef, Type

LOW, HIGH = -(1 << 63), (1 << 63) - 1


class Retype(Exception):
    """A local variable needs another type than first thought: lower the function again."""

    def __init__(self, name: str, kind: Type) -> None:
        super().__init__(name)
        self.name = name
        self.type = kind


@dataclass(frozen=True)
class Null:
    """The type of NULL, before it is known what it points to."""

    def __str__(self) -> str:
        return "NULL"


@dataclass(frozen=True)
class ArrayValue:
    """The type of an array field of an object; it can only be indexed."""

    array: ArrayOf

    def __str__(self) -> str:
        return f"array of {self.array.elem}"


@dataclass(frozen=True)
class Value:
    """A lowered expression. lo, hi: bounds, for integers. field: for an array, which."""

    op: ir.Operand
    type: Type | Null | ArrayValue | None
    lo: int = 0
    hi: int = 0
    field: Field | None = None

    @property
    def is_int(self) -> bool:
        """Whether it is an integer, a flag set or a truth value."""
        return isinstance(self.type, IntType)

    @property
    def is_pointer(self) -> bool:
        """Whether it can be NULL."""
        return isinstance(self.type, Ref | StackRef | Fn | Null)

    def fits(self, kind: Type) -> bool:
        """Whether it may be passed where `kind` is wanted (integers are checked at run time)."""
        if self.is_int:
            return isinstance(kind, IntType)
        if isinstance(self.type, Null):
            return isinstance(kind, Ref | StackRef | Fn)
        return self.type == kind


def constant(n: int, kind: IntType) -> Value:
    """A known integer."""
    return Value(n, kind, n, n)


_Bounds = tuple[int, int]


def _bit_bound(*values: int) -> int:
    return (1 << max(v.bit_length() if v >= 0 else (-v - 1).bit_length() for v in values)) - 1


def _corners(op: Callable[[int, int], int], a: _Bounds, b: _Bounds) -> _Bounds:
    found = [op(x, y) for x in a for y in b]
    return min(found), max(found)


def _and(a: _Bounds, b: _Bounds) -> _Bounds:
    if a[0] >= 0 and b[0] >= 0:
        return 0, min(a[1], b[1])
    if a[0] >= 0:
        return 0, a[1]
    if b[0] >= 0:
        return 0, b[1]
    bound = _bit_bound(*a, *b)
    return -bound - 1, bound


def _or(a: _Bounds, b: _Bounds) -> _Bounds:
    bound = _bit_bound(*a, *b)
    return (0 if a[0] >= 0 and b[0] >= 0 else -bound - 1), bound


def _shift_left(a: _Bounds, b: _Bounds) -> _Bounds:
    if b[1] > 63:
        return LOW - 1, HIGH + 1
    return _corners(lambda x, y: x << y, a, b)


def bounds(op: str, a: _Bounds, b: _Bounds) -> _Bounds:
    """Bounds of `a op b`; for floordiv and mod, `a` is not negative and `b` is positive."""
    match op:
        case "add":
            return a[0] + b[0], a[1] + b[1]
        case "sub":
            return a[0] - b[1], a[1] - b[0]
        case "mul":
            return _corners(lambda x, y: x * y, a, b)
        case "floordiv":
            return _corners(lambda x, y: x // y, a, b)
        case "mod":
            return 0, min(a[1], b[1] - 1)
        case "and":
            return _and(a, b)
        case "or" | "xor":
            return _or(a, b)
        case "shl":
            return _shift_left(a, b)
        case "shr":
            return _corners(lambda x, y: x >> y, a, b)
        case "min":
            return min(a[0], b[0]), min(a[1], b[1])
        case "max":
            return max(a[0], b[0]), max(a[1], b[1])
        case _:
            return 0, 1
