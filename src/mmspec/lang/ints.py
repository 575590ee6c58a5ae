"""Sized integers: what a field, a parameter or a local variable may hold.

In CPython every value is a plain `int`; the sizes matter where a value is stored. Storing a
value that does not fit is an error of the model, never a wrap-around.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias


@dataclass(frozen=True)
class IntType:
    """An integer of `size` bytes with values `lo` to `hi`, both included."""

    name: str
    size: int
    lo: int
    hi: int

    @property
    def signed(self) -> bool:
        """Whether negative values exist, so that a load must extend the sign."""
        return self.lo < 0

    def __str__(self) -> str:
        return self.name


def _unsigned(bits: int) -> IntType:
    return IntType(f"u{bits}", bits // 8, 0, (1 << bits) - 1)


def _signed(bits: int) -> IntType:
    return IntType(f"i{bits}", bits // 8, -(1 << bits - 1), (1 << bits - 1) - 1)


BOOL = IntType("bool", 1, 0, 1)
U8, U16, U32 = _unsigned(8), _unsigned(16), _unsigned(32)
I8, I16, I32, I64 = _signed(8), _signed(16), _signed(32), _signed(64)
#: The generated code computes in signed 64-bit words, so the top bit of a u64 is out of reach.
U64 = IntType("u64", 8, 0, (1 << 63) - 1)

INT_TYPES = (BOOL, U8, I8, U16, I16, U32, I32, U64, I64)

u8: TypeAlias = Annotated[int, U8]
u16: TypeAlias = Annotated[int, U16]
u32: TypeAlias = Annotated[int, U32]
u64: TypeAlias = Annotated[int, U64]
i8: TypeAlias = Annotated[int, I8]
i16: TypeAlias = Annotated[int, I16]
i32: TypeAlias = Annotated[int, I32]
i64: TypeAlias = Annotated[int, I64]


def smallest(lo: int, hi: int) -> IntType | None:
    """The narrowest type that holds `lo` to `hi`; None if 64 bits do not suffice."""
    for kind in INT_TYPES[1:]:
        if kind.lo <= lo and hi <= kind.hi:
            return kind
    return None
