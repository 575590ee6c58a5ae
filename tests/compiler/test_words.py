"""Expressions in 32 bits mean what they mean in 64, or say that they do not.

Promela's expressions are C's but for the conditional; so C evaluates them here.
"""

from __future__ import annotations

import ctypes
import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mmspec.compiler.values import HIGH, LOW, bounds
from mmspec.compiler.words import MAX, MIN, Arithmetic, Word, const, literal, name
from mmspec.lang.ints import BOOL, I8, I32, I64, U8, U32, U64, IntType, smallest
from mmspec.search import spin

KINDS = (U8, I8, U32, I32, U64, I64)
OPERATIONS = (
    "add",
    "sub",
    "mul",
    "and",
    "or",
    "xor",
    "shl",
    "shr",
    "floordiv",
    "mod",
    "min",
    "max",
)
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
EDGES = (0, 1, -1, 2, 5, 31, 32, 40, 255, MAX, MIN, MAX - 1, 1 << 31, U32.hi, U32.hi - 4, HIGH)
CONSTANTS = (0, 1, -1, 3, 31, 33, -4096, 0xFFF, U32.hi, HIGH, 1 << 40)

needs_gcc = pytest.mark.skipif(not spin.available(), reason="needs gcc")


def evaluate(op: str, a: int, b: int) -> int:
    """What the operation gives in the specification language."""
    match op:
        case "add" | "sub" | "mul" | "and" | "or" | "xor" | "floordiv" | "mod":
            sign = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^"}
            word = {**sign, "floordiv": "//", "mod": "%"}[op]
            return int(eval(f"a {word} b"))
        case "shl":
            return a << b
        case "shr":
            return a >> b
        case "min" | "max":
            return min(a, b) if op == "min" else max(a, b)
        case _:
            sign = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
            return int(eval(f"a {sign[op]} b"))


@dataclass
class Trial:
    """An expression in `a` and `b`, the values of both, and what it should be.

    exact: whether it stands for itself, rather than modulo 2**32.
    """

    what: str
    text: str
    right: str
    exact: bool
    values: list[tuple[int, int, int]] = field(default_factory=list)


def fits(value: int, kind: IntType) -> bool:
    """Whether a variable of this type can hold the value in a model."""
    small = MIN <= value <= MAX or (kind.lo >= 0 and kind.hi <= U32.hi)
    return kind.lo <= value <= kind.hi and small


def operands() -> Iterator[tuple[IntType, IntType, Word, Word, list[tuple[int, int]]]]:
    """Variables of all types, and constants, with values to try."""
    for x, y in itertools.product(KINDS, KINDS):
        pairs = [(a, b) for a in EDGES for b in EDGES if fits(a, x) and fits(b, y)]
        yield x, y, name("a", x), name("b", y), pairs
    for x, n in itertools.product(
        KINDS, (0, 1, -1, 3, 31, 33, -4096, 0xFFF, U32.hi, HIGH, 1 << 40)
    ):
        kind = smallest(n, n)
        assert kind is not None
        pairs = [(a, n) for a in EDGES if fits(a, x)]
        yield x, kind, name("a", x), const(n), pairs
        yield kind, x, const(n), name("b", x), [(n, a) for a, _ in pairs]


def trials() -> Iterator[Trial]:
    """Every operation that the language admits, on all operands."""
    for (x, y, a, b, pairs), op in itertools.product(operands(), OPERATIONS + COMPARISONS):
        if op in ("floordiv", "mod"):
            pairs = [(m, n) for m, n in pairs if m >= 0 and n > 0]
            if (b.known is not None and b.known <= 0) or (a.known is not None and a.known < 0):
                continue
        ranges = [(w.known, w.known) if w.known is not None else (w.lo, w.hi) for w in (a, b)]
        if op in ("shl", "shr"):
            pairs = [(m, n) for m, n in pairs if 0 <= n < 64]
            if b.known is not None and not 0 <= b.known < 64:
                continue
            ranges[1] = (max(ranges[1][0], 0), min(ranges[1][1], 63))
        elif op in ("floordiv", "mod"):
            ranges = [(max(lo, least), hi) for (lo, hi), least in zip(ranges, (0, 1), strict=True)]
        lo, hi = bounds(op, *ranges)  # type: ignore[arg-type]
        kind = BOOL if op in COMPARISONS else smallest(lo, hi)
        if kind is None or lo < LOW or hi > HIGH:
            continue
        arithmetic = Arithmetic()
        word = arithmetic.operation(op, a, b, kind)
        made_small = kind.lo >= 0 and kind.hi <= U32.hi
        right = " && ".join(f"({c})" for c in arithmetic.wanted + arithmetic.fits) or "1"
        made = Trial(f"{x} {op} {y}: {word.text} if {right}", word.text, right, not made_small)
        made.values = [(m, n, evaluate(op, m, n)) for m, n in pairs]
        yield made


def signed(value: int) -> int:
    """The low 32 bits, as a C int."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def compiled(directory: Path, texts: list[str]) -> list[ctypes._NamedFuncPointer]:
    """Each text as a C function of a and b."""
    source = [
        f"int f{k}(int a, int b) {{ return {text.replace('->', '?').replace('false', '0')}; }}"
        for k, text in enumerate(texts)
    ]
    (directory / "words.c").write_text("\n".join(source))
    command = ["gcc", "-O0", "-w", "-fwrapv", "-shared", "-fPIC", "-o", "words.so", "words.c"]
    subprocess.run(command, cwd=directory, check=True)
    library = ctypes.CDLL(str(directory / "words.so"))
    return [getattr(library, f"f{k}") for k in range(len(texts))]


@needs_gcc
def test_operations_are_right_or_say_that_they_are_not(tmp_path: Path) -> None:
    found = list(trials())
    functions = compiled(tmp_path, [text for t in found for text in (t.text, t.right)])

    wrong = []
    settled = 0
    for trial, value, right in zip(found, functions[::2], functions[1::2], strict=True):
        for a, b, expected in trial.values:
            x, y = signed(a), signed(b)
            if right(x, y):
                settled += 1
                if value(x, y) != (expected if trial.exact else signed(expected)):
                    wrong.append((trial.what, a, b, expected, value(x, y)))
            elif all(-(1 << 15) < n < 1 << 15 for n in (a, b)) and MIN < expected <= MAX:
                wrong.append((trial.what, a, b, "refused"))

    assert wrong == []
    assert settled > 30_000


@needs_gcc
def test_ranges_are_checked_as_64_bits_would(tmp_path: Path) -> None:
    limits = [(0, 1), (0, 255), (-128, 127), (1, HIGH), (0, U32.hi), (MIN, MAX), (0, 1 << 31)]
    limits += [(1 << 31, U32.hi), (5, 1 << 31), (-(1 << 40), 3), (1 << 40, HIGH), (-9, -5)]
    found = [(k, lo, hi) for k in KINDS for lo, hi in limits]
    texts = [Arithmetic().within(name("a", k), lo, hi) or "1" for k, lo, hi in found]

    functions = compiled(tmp_path, texts)

    for (kind, lo, hi), text, function in zip(found, texts, functions, strict=True):
        for a in EDGES:
            if fits(a, kind):
                assert bool(function(signed(a), 0)) == (lo <= a <= hi), (kind, lo, hi, a, text)


def test_constants_read_as_promela_reads_them() -> None:
    assert literal(5) == "5"
    assert literal(-5) == "(-5)"
    assert literal(U32.hi) == "(-1)"
    assert literal(MIN) == "(-2147483647 - 1)"
    assert const(7).plus(-3).text == "4"
    assert name("x", U8).plus(2).plus(-2).text == "x"
    assert name("x", U8).plus(-1).text == "(x - 1)"
