"""A diagram as it was read: its lines in order, what each claims, and what was not understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmspec.judge.claims import MOST_TEXT, Claim, Kind, Vocabulary
from mmspec.judge.layout import SPLAT, Cell, DiagramError, Layout, cut, lines_of
from mmspec.report.columns import NARROW_INDENT

MOST_CLAIMS = 400
#: A line may be broken into so many parts.
_MOST_PARTS = 8
#: What a text may begin with, as `key: value`.
KEYS = (
    "title",
    "expect",
    "scenario",
    "case",
    "kernel",
    "with",
    "without",
    "debug_vm",
    "columns",
    "map",
    "page",
)
_KEY = re.compile(rf"({'|'.join(KEYS)})\s*:\s*(.*)")


@dataclass(frozen=True)
class Line:
    """A line of one column, understood. number: of the text, from 1. claims: in order."""

    number: int
    row: int
    column: int
    indent: int
    text: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Unread:
    """A line that was not understood."""

    number: int
    text: str


@dataclass(frozen=True)
class Diagram:
    """What was read.

    heads: names of the columns. front: what the text says of itself, by key. comments: lines
    that claim nothing.
    """

    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    unread: tuple[Unread, ...] = ()
    comments: tuple[Unread, ...] = ()
    front: Mapping[str, str] = field(default_factory=dict)

    def functions(self, column: int, until: str = "") -> set[str]:
        """Functions that a column names; until: only those above the line that names this one."""
        kinds = (Kind.ENTERS, Kind.IS_IN, Kind.LEAVES, Kind.WAITS)
        names = [
            claim.name
            for line in self.lines
            if line.column == column
            for claim in line.claims
            if claim.kind in kinds and claim.name
        ]
        return set(names[: names.index(until)] if until in names else names)

    def without(self, line: Line) -> Diagram:
        """The diagram less a line."""
        return replace(self, lines=tuple(x for x in self.lines if x is not line))

    def moved(self, line: Line, row: float) -> Diagram:
        """The diagram with a line just before the given row."""
        rows = sorted({x.row for x in self.lines if x is not line} | {line.row})
        order: list[Line] = []
        placed = False
        number = 0
        for r in rows:
            if not placed and r >= row:
                order.append(replace(line, row=number))
                number += 1
                placed = True
            here = [x for x in self.lines if x.row == r and x is not line]
            order += [replace(x, row=number) for x in here]
            number += bool(here)
        if not placed:
            order.append(replace(line, row=number))
        return replace(self, lines=tuple(order))

    def changed(self, line: Line, claims: Sequence[Claim]) -> Diagram:
        """The diagram with other claims in a line."""
        new = replace(line, claims=tuple(claims))
        return replace(self, lines=tuple(new if x is line else x for x in self.lines))


# ------------------------------------------------------------------------------- front matter


def front_matter(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """What a text says of itself, and the number of the line after that."""
    found: dict[str, str] = {}
    at = 0
    while at < len(lines) and not lines[at].strip():
        at += 1
    fenced = at < len(lines) and lines[at].strip() == "---"
    at += fenced
    while at < len(lines):
        text = lines[at].strip()
        match = _KEY.fullmatch(text)
        if match is None:
            if fenced and text == "---":
                return found, at + 1
            if fenced and text:
                raise DiagramError(f"line {at + 1}: {text!r} is no `key: value`; {_keys()}")
            break
        key, value = match[1], match[2].strip()
        found[key] = f"{found[key]}\n{value}" if key in found and key == "map" else value
        at += 1
    return found, at


def _keys() -> str:
    return "keys are " + ", ".join(KEYS)


# ------------------------------------------------------------------------------------ reading


def meanings(texts: Sequence[str]) -> dict[str, str]:
    """`text=step` pairs; a text may have `=` in it, a step begins after the last ` = ` or `=`."""
    made: dict[str, str] = {}
    for text in texts:
        if "=>" in text:
            left, _, right = text.partition("=>")
        else:
            left, _, right = text.partition("=")
        if not left.strip():
            raise DiagramError(f"{text!r} is no `text=step`")
        made[left.strip()] = right.strip()
    return made


def read(
    data: bytes | str,
    vocabulary: Vocabulary,
    programs: Sequence[str] = (),
) -> Diagram:
    """Read a diagram; DiagramError if there is none in the text.

    programs: names that may head columns, and begin them.
    """
    lines = lines_of(data)
    front, first = front_matter(lines)
    own = meanings(front["map"].split("\n")) if "map" in front else {}
    if own:
        vocabulary = Vocabulary(vocabulary.functions, vocabulary.flags, {**own, **vocabulary.meant})
    named = re.split(r"\s*,\s*", front["columns"]) if "columns" in front else []
    layout = cut(lines, first, [*named, *programs])
    return _understood(layout, vocabulary, front)


def _understood(layout: Layout, vocabulary: Vocabulary, front: dict[str, str]) -> Diagram:
    made: list[Line] = []
    unread: list[Unread] = []
    comments: list[Unread] = []
    count = 0
    for cell in _joined(layout.cells, vocabulary):
        claims = vocabulary.claims(cell.text)
        if claims is None:
            unread.append(Unread(cell.line, cell.text))
            continue
        if not claims:
            comments.append(Unread(cell.line, cell.text))
            continue
        count += sum(max(1, claim.name.count(",") + 1) for claim in claims)
        column = -1 if any(claim.kind is Kind.FAILS for claim in claims) else cell.column
        made.append(Line(cell.line, cell.row, column, cell.indent, cell.text, tuple(claims)))
    made = _resumed(made)
    made += _failure(layout, made)
    if count > MOST_CLAIMS:
        raise DiagramError(f"too much for a diagram: more than {MOST_CLAIMS} steps")
    if not made and not unread:
        raise DiagramError("there is nothing below the names of the columns")
    return Diagram(layout.heads, tuple(made), tuple(unread), tuple(comments), front)


def _resumed(lines: Sequence[Line]) -> list[Line]:
    """Below `… function`, functions that directly follow may have been entered earlier as well."""
    made: list[Line] = []
    above: dict[int, int] = {}
    for line in lines:
        kind = line.claims[0].kind
        depth = above.get(line.column)
        deeper = depth is not None and (
            line.indent == depth + 1
            # narrow columns do not show more levels
            or line.indent == depth == NARROW_INDENT
        )
        if deeper and kind is Kind.ENTERS:
            line = replace(line, claims=tuple(_weakened(claim) for claim in line.claims))
            kind = Kind.IS_IN
        if kind is Kind.IS_IN:
            above[line.column] = line.indent
        else:
            above.pop(line.column, None)
        made.append(line)
    return made


def _weakened(claim: Claim) -> Claim:
    return replace(claim, kind=Kind.IS_IN) if claim.kind is Kind.ENTERS else claim


def _joined(cells: Sequence[Cell], vocabulary: Vocabulary) -> list[Cell]:
    """Cells, those that were broken over several lines made whole."""
    made: list[Cell] = []
    columns = {cell.column for cell in cells}
    for column in columns:
        own = [cell for cell in cells if cell.column == column]
        at = 0
        while at < len(own):
            text, used = _whole(own, at, cells, vocabulary)
            made.append(replace(own[at], text=text))
            at += used
    return sorted(made, key=lambda cell: (cell.row, cell.column))


def _whole(
    own: Sequence[Cell], at: int, cells: Sequence[Cell], vocabulary: Vocabulary
) -> tuple[str, int]:
    """The text that begins with a cell, and over how many cells it goes."""
    best = own[at].text, 1
    texts = [own[at].text]
    for used in range(1, _MOST_PARTS):
        if at + used >= len(own) or len(texts[-1]) > MOST_TEXT:
            break
        below = own[at + used]
        if below.row != own[at + used - 1].row + 1 or below.indent < own[at].indent:
            break
        if below.indent == own[at].indent and not _is_open(own[at].text):
            break
        texts = [t + s + below.text for t in texts for s in ("", " ")]
        good = [text for text in texts if vocabulary.is_whole(text)]
        if good and _needs(own, at, used, vocabulary, best[1]):
            best = max(good, key=lambda text: (_says(text, vocabulary), len(text))), used + 1
    return best


def _needs(own: Sequence[Cell], at: int, used: int, vocabulary: Vocabulary, known: int) -> bool:
    """Whether what follows cannot stand for itself."""
    if known == 1 and not vocabulary.is_whole(own[at].text):
        return True
    rest = [cell.text for cell in own[at + known : at + used + 1]]
    return not all(vocabulary.is_whole(text) for text in rest)


def _says(text: str, vocabulary: Vocabulary) -> bool:
    """Whether it names a value, or what a function is called for."""
    return any(claim.value for claim in vocabulary.claims(text) or ())


def _is_open(text: str) -> bool:
    return text.endswith(("=", ",", "|", " is")) or text.count("(") > text.count(")")


def _failure(layout: Layout, lines: Sequence[Line]) -> list[Line]:
    """What a kernel says below a diagram."""
    if any(claim.kind is Kind.FAILS for line in lines for claim in line.claims):
        return []
    row = 1 + max((line.row for line in lines), default=0)
    for number, text in layout.after:
        match = re.match(r"\s*(kernel BUG at .*|BUG: .*|page dumped because: .*|Oops.*)", text)
        if match is not None and SPLAT.match(text):
            said = match[1].strip()
            rest = [line for n, line in layout.after if n > number]
            while rest and rest[0].startswith("  "):
                said += " " + rest.pop(0).strip()
            return [Line(number, row, -1, 0, said, (Claim(Kind.FAILS, said),))]
    return []
