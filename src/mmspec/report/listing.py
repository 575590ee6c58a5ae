"""The source of a function as one kernel has it, each line with its number in the file."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from types import FunctionType

from mmspec.checker import Target
from mmspec.kernels import Kernel
from mmspec.kernels.fold import _Folder
from mmspec.lang.program import Program
from mmspec.lang.source import syntax_of
from mmspec.report.execution import Place


@dataclass(frozen=True)
class Listing:
    """Lines of a function, as (number in its file, text); numbers grow."""

    name: str
    lines: tuple[tuple[int, str], ...]


class Listings:
    """The texts of a program's functions, found by a place in them."""

    def __init__(self, program: Program, target: Target) -> None:
        kernel = target.kernel
        self.kernel = Kernel(kernel.name, target.view.changes, kernel.debug_vm)
        self.by_file: dict[str, list[tuple[int, int, FunctionType]]] = {}
        self.made: dict[FunctionType, Listing] = {}
        for fn in program.functions:
            node = syntax_of(fn)
            found = node.lineno, node.end_lineno or node.lineno, fn
            self.by_file.setdefault(fn.__code__.co_filename, []).append(found)

    def function(self, place: Place) -> FunctionType | None:
        """The innermost function that a line belongs to."""
        found = [
            (last - first, fn)
            for first, last, fn in self.by_file.get(place.call.file, ())
            if first <= place.line <= last
        ]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def listing(self, fn: FunctionType) -> Listing:
        """The text of a function as the kernel has it."""
        if fn not in self.made:
            self.made[fn] = Listing(fn.__name__, tuple(_Numbered(fn, self.kernel).numbered()))
        return self.made[fn]


class _Numbered(_Folder):
    """Puts a line's number behind it, as blanks, which folding leaves alone."""

    def __init__(self, text: FunctionType, kernel: Kernel) -> None:
        super().__init__(text, kernel)
        self.lines = [line.rstrip() + _blanks(n) for n, line in enumerate(self.lines, 1)]

    def numbered(self) -> list[tuple[int, str]]:
        node = self.node
        first = node.body[0].lineno
        while self._is_loose(first - 1) and first - 1 > node.lineno:
            first -= 1
        made = [*self.lines[node.lineno - 1 : first - 1], *self._block(node.body, first, 0)]
        numbers = [_number(line) for line in made]
        texts = textwrap.dedent("\n".join(line.rstrip() for line in made)).split("\n")
        for k, number in enumerate(numbers):
            if not number:
                numbers[k] = numbers[k - 1] if k else node.lineno
        return list(zip(numbers, texts, strict=True))


_ZERO, _ONE, _BEGIN = " ", "\t", "\f"


def _blanks(number: int) -> str:
    return _BEGIN + f"{number:b}".replace("0", _ZERO).replace("1", _ONE)


def _number(line: str) -> int:
    at = line.rfind(_BEGIN)
    bits = line[at + 1 :].replace(_ZERO, "0").replace(_ONE, "1") if at >= 0 else ""
    return int(bits, 2) if bits else 0
