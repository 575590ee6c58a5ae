"""Integers of every width, signed and unsigned, at their bounds and beyond; flags and enums."""

import enum

from mmspec.lang import Struct, i8, i16, i32, i64, static, u8, u16, u32, u64
from tests.models.case import Case


class Flags(enum.IntFlag):
    A = 1
    B = 2
    C = 16


class State(enum.IntEnum):
    IDLE = 0
    BUSY = 1
    DONE = 2
    GONE = 300


class Signed(enum.IntEnum):
    MINUS = -3
    ZERO = 0
    PLUS = 3


class Words(Struct):
    b: bool
    u1: u8
    s1: i8
    u2: u16
    s2: i16
    u4: u32
    s4: i32
    u8: u64
    s8: i64
    plain: int
    flags: Flags
    state: State
    signed: Signed
    out: u8


w: Words = static(Words)


def set_bounds() -> None:
    """The largest and smallest value of each type."""
    w.b = True
    w.u1 = 255
    w.s1 = -128
    w.u2 = 65535
    w.s2 = -32768
    w.u4 = 0xFFFFFFFF
    w.s4 = -(1 << 31)
    w.plain = (1 << 31) - 1
    w.flags = Flags.A | Flags.C
    w.state = State.GONE
    w.signed = Signed.MINUS


def set_wide() -> None:
    w.u8 = 0x7FFFFFFF
    w.s8 = -0x80000000


def set_widest() -> None:
    w.u8 = (1 << 63) - 1
    w.s8 = -(1 << 63)


def read_bounds() -> None:
    """Signs survive memory, slots and comparisons."""
    a = w.s1
    b = w.s2
    c = w.s4
    if a < 0 and b < a and c < b:
        w.out += 1
    d = w.u1
    e = w.u2
    f = w.u4
    if d > 0 and e > d and f > e:
        w.out += 2
    if f == 0xFFFFFFFF:
        w.out += 4
    if w.plain == 2147483647 and w.b:
        w.out += 8


def read_wide() -> None:
    a = w.u8
    b = w.s8
    if a > 0 and b < 0:
        w.out += 1
    if a & 0xFFF == 0xFFF and a >> 12 == 0x7FFFF:
        w.out += 2
    if a & ~0xFFF == 0x7FFFF000:
        w.out += 4
    if b >> 31 == -1:
        w.out += 8


def read_unsigned() -> None:
    """Arithmetic and comparisons of a u32 above 2**31."""
    a = w.u4
    if a >> 28 == 15 and a >> 0 == a:
        w.out += 1
    if a >= 0x80000000 and a > 5 and not a < 7 and a <= 0xFFFFFFFF:
        w.out += 2
    if a & 0xFF == 255 and a | 1 == a and a ^ a == 0:
        w.out += 4
    if a != w.plain and a > w.plain and w.plain < a and a != w.u1:
        w.out += 8
    w.u4 = a & 0xFFFF0000
    w.u4 = w.u4 ^ 0xF0000000


def negative() -> None:
    """Counts from -1, as the kernel's mapcounts do."""
    w.s1 = w.s1 + 127
    w.s1 += 1
    n = w.s1
    w.s2 = n * 5 - 3
    w.s2 -= n
    w.s4 = -w.s2
    w.s4 = min(w.s4, -w.s4) + max(n, 2)


def minus_one() -> None:
    w.s1 = -1


def up() -> None:
    w.s1 += 1
    if w.s1 == 0:
        w.out += 1


def down() -> None:
    w.s1 -= 1
    if w.s1 < 0:
        w.out += 2


def operators() -> None:
    x = w.u1
    w.u2 = x * 3 + 7
    w.u2 = w.u2 // 2 % 100
    w.u2 = w.u2 << 2 | 1
    w.u2 = w.u2 ^ 0b101
    w.u1 = w.u2 & 0xFF
    w.u1 = w.u1 >> 1
    w.s4 = ~x
    w.s4 = -(+x)
    w.s4 = 7 - x


def shift_by(n: u8) -> u32:
    return 1 << min(n, 12)


def shifts() -> None:
    for i in range(0, 14, 6):
        one = shift_by(i)
        w.u4 = one
        w.u4 = w.u4 >> min(i, 40)


def overflow_up() -> None:
    w.u1 += 1


def overflow_down() -> None:
    w.u1 = w.u1 - 1


def overflow_signed() -> None:
    w.s1 = w.s1 - 1


def overflow_16() -> None:
    w.u2 = w.u2 + w.u1


def overflow_32() -> None:
    w.s4 = w.s4 * 2


def overflow_u32() -> None:
    w.u4 = w.u4 * 16


def set_ones() -> None:
    w.u1 = 1
    w.u2 = 65000
    w.s4 = 1 << 30
    w.u4 = 1 << 28
    w.s1 = -127


def negative_to_unsigned() -> None:
    w.u4 = w.s1


def bool_overflow() -> None:
    w.b = w.u1


def flags() -> None:
    f = w.flags
    f |= Flags.B
    if f & Flags.A and f & (Flags.B | Flags.C):
        w.flags = f & ~Flags.A
    w.flags |= Flags.A
    w.flags &= ~Flags.C
    w.flags ^= Flags.B


def passes_flags(f: Flags, extra: Flags) -> Flags:
    if f & extra:
        return f & ~extra
    return f | extra


def flag_arguments() -> None:
    f = passes_flags(w.flags, Flags.B)
    w.flags = f
    f = passes_flags(w.flags, Flags.B | Flags.C)
    w.flags = f
    f = passes_flags(Flags.A, Flags(w.u1))
    w.flags = f


def states() -> None:
    s = w.state
    if s == State.IDLE:
        w.state = State.BUSY
    elif s == State.BUSY:
        w.state = State.DONE
    elif s in (State.DONE, State.GONE):
        w.state = State.IDLE
    if w.signed != Signed.MINUS:
        w.signed = Signed.MINUS
    else:
        w.signed = Signed.PLUS


def booleans() -> None:
    a = w.u1 == 1
    b = not a
    d = a and not b
    w.b = d
    d = a or b
    w.b = d
    c = bool(w.u2)
    if c and a != b:
        w.out = int(a) + int(c) + 1
    w.b = (w.u1 > 0) == c


CASES = [
    Case([read_bounds], full=(17, 16), merged=(17, 16), set_up=set_bounds),
    Case([read_wide], full=(11, 10), merged=(11, 10), set_up=set_wide),
    Case([read_wide], full=(5, 4), merged=(5, 4), set_up=set_widest, note="widest", spin=False),
    Case([read_unsigned], full=(17, 16), merged=(17, 16), set_up=set_bounds),
    Case([negative], full=(14, 13), merged=(14, 13), set_up=minus_one),
    Case([negative, up], full=(272, 433), merged=(272, 433), set_up=minus_one, faults=["overflow"]),
    Case([up, down], full=(97, 137), merged=(97, 137), set_up=minus_one),
    Case([operators, up], full=(64, 108), merged=(64, 108), set_up=set_ones),
    Case([shifts, up], full=(40, 66), merged=(40, 66)),
    Case(
        [overflow_up, overflow_up],
        full=(4, 4),
        merged=(4, 4),
        set_up=set_bounds,
        faults=["overflow"],
    ),
    Case([overflow_down, overflow_up], full=(8, 8), merged=(8, 8), faults=["overflow"]),
    Case(
        [overflow_signed, overflow_signed],
        full=(11, 12),
        merged=(11, 12),
        set_up=set_ones,
        faults=["overflow"],
    ),
    Case(
        [overflow_16, overflow_32],
        full=(8, 10),
        merged=(8, 10),
        set_up=set_ones,
        faults=["overflow"],
    ),
    Case(
        [overflow_16, overflow_16, overflow_up], full=(88, 156), merged=(88, 156), set_up=set_ones
    ),
    Case(
        [overflow_32, overflow_u32],
        full=(4, 4),
        merged=(4, 4),
        set_up=set_bounds,
        faults=["overflow"],
        spin=False,
    ),
    Case(
        [overflow_u32, overflow_u32],
        full=(4, 4),
        merged=(4, 4),
        set_up=set_ones,
        faults=["overflow"],
        spin=False,
    ),
    Case(
        [negative_to_unsigned, up],
        full=(20, 26),
        merged=(20, 26),
        set_up=minus_one,
        faults=["overflow"],
    ),
    Case(
        [bool_overflow, overflow_up],
        full=(10, 12),
        merged=(10, 12),
        set_up=set_ones,
        faults=["overflow"],
    ),
    Case([flags], full=(9, 8), merged=(9, 8), set_up=set_bounds),
    Case([flag_arguments, flags], full=(194, 321), merged=(194, 321), set_up=set_ones),
    Case([states, states], full=(46, 66), merged=(46, 66), set_up=set_bounds),
    Case([booleans, up], full=(32, 52), merged=(32, 52), set_up=set_ones),
]
