"""Values as Promela expressions: what 64-bit words become where an int has 32 bits.

A value whose type fits a signed 32-bit int stands for itself. A u32 is kept modulo 2**32: its
upper half is negative. Anything wider must turn out to be small: what could be large comes with a
condition under which the expression is right, for an `assert` or for the guard it stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mmspec.lang.ints import I32, U32, IntType

MIN, MAX = I32.lo, I32.hi
_MIN_TEXT = "(-2147483647 - 1)"


@dataclass(frozen=True)
class Word:
    """A value: text of the expression and bounds of what it stands for.

    base, offset: of `base + offset`. reads: names of the variables in it. atom: a mere name.
    """

    base: str
    lo: int
    hi: int
    offset: int = 0
    reads: frozenset[str] = frozenset()
    atom: bool = False

    @property
    def known(self) -> int | None:
        """The value, of a constant."""
        return self.lo if not self.base else None

    @property
    def text(self) -> str:
        """The expression, in parentheses where it needs them."""
        if not self.base:
            return literal(self.offset)
        if not self.offset:
            return self.base
        return f"({self.base} {'-' if self.offset < 0 else '+'} {abs(self.offset)})"

    @property
    def is_narrow(self) -> bool:
        """Whether a Promela int holds all its values."""
        return self.lo >= MIN and self.hi <= MAX

    @property
    def is_wrapped(self) -> bool:
        """Whether it is kept modulo 2**32."""
        return not self.is_narrow and self.lo >= 0 and self.hi <= U32.hi

    def plus(self, n: int) -> Word:
        """This value and a small constant."""
        if not self.base:
            return const(self.offset + n)
        return Word(self.base, self.lo + n, self.hi + n, self.offset + n, self.reads)


def const(n: int) -> Word:
    """A constant."""
    return Word("", n, n, n)


def name(text: str, kind: IntType, reads: frozenset[str] = frozenset()) -> Word:
    """A variable, or an element of an array."""
    return Word(text, kind.lo, kind.hi, 0, reads or frozenset((text,)), not reads)


def literal(n: int) -> str:
    """A constant as Promela reads it; modulo 2**32."""
    n = (n + (1 << 31)) % (1 << 32) - (1 << 31)
    if n == MIN:
        return _MIN_TEXT
    return str(n) if n >= 0 else f"({n})"


@dataclass
class Arithmetic:
    """Operations on words, and conditions under which they are right.

    wanted: that operands are small. fits: that a result is.
    """

    wanted: list[str] = field(default_factory=list)
    fits: list[str] = field(default_factory=list)

    def _want(self, condition: str) -> None:
        if condition not in self.wanted:
            self.wanted.append(condition)

    def _must_fit(self, condition: str) -> None:
        if condition not in self.fits:
            self.fits.append(condition)

    def exact(self, a: Word) -> str:
        """The value itself, rather than modulo 2**32."""
        if a.known is not None and not a.is_narrow:
            self._want("false")
        elif a.is_wrapped:
            self._want(f"{a.text} >= 0")
        return a.text

    def fit(self, a: Word, kind: IntType) -> str:
        """What to store in a variable of type `kind`; the value is known to be in its range."""
        if a.known is not None:
            if kind.lo < MIN or kind.hi > U32.hi:
                return self.exact(a)
            return literal(a.known)
        return self.exact(a) if kind.hi > U32.hi else a.text

    def operation(self, op: str, a: Word, b: Word, kind: IntType) -> Word:
        """`a op b`, of type `kind`."""
        if op in _COMPARED:
            text = self._compared(op, a, b)
            return const(int(text)) if text in "01" else Word(text, 0, 1, 0, a.reads | b.reads)
        if op in ("add", "sub") and b.known is not None and kind.hi <= MAX and a.is_narrow:
            made = a.plus(b.known if op == "add" else -b.known)
        elif op == "add" and a.known is not None and kind.hi <= MAX and b.is_narrow:
            made = b.plus(a.known)
        else:
            text = _OPERATIONS[op](self, a, b, kind)
            made = Word(f"({text})", kind.lo, kind.hi, 0, a.reads | b.reads)
        if not made.base:
            return made
        return Word(made.base, kind.lo, kind.hi, made.offset, made.reads)

    # ------------------------------------------------------------------ operations

    def _bits(self, op: str, a: Word, b: Word, kind: IntType) -> str:
        if _low_bits_suffice(kind):
            return f"{a.text} {op} {b.text}"
        for mask, other in ((a, b), (b, a)):
            if mask.known is not None and not _low(mask) and op == "&":
                # the upper half of the mask meets zeros if the other side is small
                if other.lo < 0:
                    self._want(f"{other.text} >= 0")
                return f"{a.text} & {b.text}"
        return f"{self.exact(a)} {op} {self.exact(b)}"

    def _plus(self, a: Word, b: Word, kind: IntType, op: str) -> str:
        if _low_bits_suffice(kind):
            return f"{a.text} {op} {b.text}"
        x, y = self.exact(a), self.exact(b)
        up, down = f"{x} <= {MAX} - {y}", f"{x} >= {_MIN_TEXT} - {y}"
        if op == "-":
            up, down = f"{x} >= {_MIN_TEXT} + {y}", f"{x} <= {MAX} + {y}"
        if b.lo >= 0:
            self._must_fit(up)
        elif b.hi <= 0:
            self._must_fit(down)
        else:
            self._must_fit(f"({y} >= 0 -> {up} : {down})")
        return f"{x} {op} {y}"

    def _times(self, a: Word, b: Word, kind: IntType) -> str:
        if _low_bits_suffice(kind):
            return f"{a.text} * {b.text}"
        x, y = self.exact(a), self.exact(b)
        if b.known:
            most = MAX // abs(b.known)
            self._must_fit(f"{x} <= {most} && {x} >= {literal(-most)}")
        elif b.known != 0:
            size = f"({y} < 0 -> -{y} : {y})" if b.lo < 0 else y
            bound = f"{x} <= {MAX} / {size} && {x} >= -({MAX} / {size})"
            self._must_fit(f"({y} == 0 -> 1 : {y} > {_MIN_TEXT} && {bound})")
        return f"{x} * {y}"

    def _left(self, a: Word, b: Word, kind: IntType) -> str:
        if b.known is not None and b.known > 31:
            if not _low_bits_suffice(kind):
                self._must_fit(f"{self.exact(a)} == 0")
            return "0"
        small = b.hi <= 31
        if _low_bits_suffice(kind):
            shifted = f"{a.text} << {b.text}"
            return shifted if small else f"({b.text} > 31 -> 0 : {shifted})"
        x, y = self.exact(a), self.exact(b)
        bound = f"{x} <= ({MAX} >> {y}) && {x} >= -({MAX} >> {y})"
        self._must_fit(f"({y} > 30 -> {x} == 0 : {bound})")
        return f"({y} > 31 -> 0 : {x} << {y})"

    def _right(self, a: Word, b: Word, kind: IntType) -> str:
        if a.is_wrapped and b.known is not None:
            if b.known > 31:
                return "0"
            mask = literal((1 << 32 - b.known) - 1)
            return f"({a.text} >> {b.known}) & {mask}" if b.known else a.text
        x, y = self.exact(a), self.exact(b)
        rest = "0" if a.lo >= 0 else f"({x} < 0 -> -1 : 0)"
        if b.known is not None:
            return f"{x} >> {y}" if b.known < 32 else rest
        return f"{x} >> {y}" if b.hi < 32 else f"({y} > 31 -> {rest} : {x} >> {y})"

    def _divided(self, a: Word, b: Word, kind: IntType, op: str) -> str:
        return f"{self.exact(a)} {op} {self.exact(b)}"

    def _least(self, a: Word, b: Word, kind: IntType, op: str) -> str:
        x, y = self.exact(a), self.exact(b)
        return f"{x} {op} {y} -> {x} : {y}"

    # ------------------------------------------------------------------ comparisons

    def _compared(self, op: str, a: Word, b: Word) -> str:
        sign = _COMPARED[op]
        known = _settled(op, a, b)
        if known is not None:
            return str(int(known))
        if op not in ("eq", "ne") and (a.is_wrapped or b.is_wrapped):
            return self._unsigned(sign, a, b)
        if a.is_wrapped and not _modulo(b):
            return _mixed(sign, a, b)
        if b.is_wrapped and not _modulo(a):
            return _mixed(_MIRRORED[sign], b, a)
        return f"({a.text} {sign} {b.text})"

    def _unsigned(self, sign: str, a: Word, b: Word) -> str:
        if _modulo(a) and _modulo(b):
            x, y = (_flipped(w) for w in (a, b))
            return f"({x} {sign} {y})"
        if a.is_wrapped:
            return _mixed(sign, a, b)
        return _mixed(_MIRRORED[sign], b, a)

    def within(self, a: Word, lo: int, hi: int) -> str:
        """The condition that a value is from lo to hi; an empty text if it always is."""
        if a.lo > hi or a.hi < lo:
            return "false"
        tests = []
        if lo > a.lo:
            tests.append(self._compared("ge", a, const(lo)))
        if hi < a.hi:
            tests.append(self._compared("le", a, const(hi)))
        tests = [t for t in tests if t != "1"]
        return "false" if "0" in tests else " && ".join(tests)


def _low_bits_suffice(kind: IntType) -> bool:
    """Whether a value of this type is known from its low 32 bits."""
    return (kind.lo >= MIN and kind.hi <= MAX) or (kind.lo >= 0 and kind.hi <= U32.hi)


def _modulo(a: Word) -> bool:
    """Whether its text is the value modulo 2**32 and the value is from 0 to 2**32 - 1."""
    return a.lo >= 0 and a.hi <= U32.hi


def _flipped(a: Word) -> str:
    """Text that is ordered as signed the way `a` is as unsigned."""
    if a.known is not None:
        return literal(a.known - (1 << 31))
    return f"({a.text} ^ {_MIN_TEXT})"


def _mixed(sign: str, a: Word, b: Word) -> str:
    """Compare a u32, whose upper half is negative, with a value that may be negative itself."""
    x, y = a.text, b.text
    if sign in ("==", "<", "<="):
        return f"({x} >= 0 && {x} {sign} {y})"
    return f"({x} < 0 || {x} {sign} {y})"


def _settled(op: str, a: Word, b: Word) -> bool | None:
    """The outcome of a comparison if ranges decide it; values too wide for an int never occur."""
    x = (a.lo, a.hi) if _low(a) else (max(a.lo, MIN), min(a.hi, MAX))
    y = (b.lo, b.hi) if _low(b) else (max(b.lo, MIN), min(b.hi, MAX))
    if a.known is not None:
        x = (a.known, a.known)
    if b.known is not None:
        y = (b.known, b.known)
    less, more = x[1] < y[0], x[0] > y[1]
    at_most, at_least = x[1] <= y[0], x[0] >= y[1]
    same = x == y and x[0] == x[1]
    apart = less or more
    outcomes = {
        "eq": (same, apart),
        "ne": (apart, same),
        "lt": (less, at_least),
        "le": (at_most, more),
        "gt": (more, at_most),
        "ge": (at_least, less),
    }
    yes, no = outcomes[op]
    return True if yes else False if no else None


def _low(a: Word) -> bool:
    return a.is_narrow or a.is_wrapped


_COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_Operation = Callable[[Arithmetic, Word, Word, IntType], str]
_OPERATIONS: dict[str, _Operation] = {
    "add": lambda s, a, b, k: s._plus(a, b, k, "+"),
    "sub": lambda s, a, b, k: s._plus(a, b, k, "-"),
    "mul": lambda s, a, b, k: s._times(a, b, k),
    "and": lambda s, a, b, k: s._bits("&", a, b, k),
    "or": lambda s, a, b, k: s._bits("|", a, b, k),
    "xor": lambda s, a, b, k: s._bits("^", a, b, k),
    "shl": lambda s, a, b, k: s._left(a, b, k),
    "shr": lambda s, a, b, k: s._right(a, b, k),
    "floordiv": lambda s, a, b, k: s._divided(a, b, k, "/"),
    "mod": lambda s, a, b, k: s._divided(a, b, k, "%"),
    "min": lambda s, a, b, k: s._least(a, b, k, "<"),
    "max": lambda s, a, b, k: s._least(a, b, k, ">"),
}
