"""From text to cells: the columns of a diagram as it was typed, pasted or quoted in mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmspec.lang.context import ModelError

MOST_BYTES, MOST_LINES, MOST_WIDTH, MOST_COLUMNS = 64 << 10, 600, 400, 4


class DiagramError(ModelError):
    """A text is not a diagram that can be read."""


@dataclass(frozen=True)
class Cell:
    """What one column says in one line of the text.

    line: of the text, from 1. row: counts lines of the diagram. indent: from the column's edge.
    """

    line: int
    row: int
    column: int
    indent: int
    text: str


@dataclass(frozen=True)
class Layout:
    """A diagram cut into cells. after: lines of text that follow it, as (number, text)."""

    heads: tuple[str, ...]
    cells: tuple[Cell, ...]
    after: tuple[tuple[int, str], ...]


#: What heads a column, if it is not a program's name.
_HEAD = re.compile(
    r"(?:on\s)?(?:cpu|processor|core|thread|task|process|proc|p|t)[ #:.-]*(?:\d{1,3}|[A-Z])?"
    r"(?:\s*\(.{1,40}\))?:?",
    re.IGNORECASE,
)
_ALONE = re.compile(r"cpu ?\d{1,3}", re.IGNORECASE)
_CHUNK = re.compile(r"\S+(?: \S+)*")
#: A line that is drawn; an equals sign alone is part of what is said.
_RULE = re.compile(r"(?=.*[-=~_+]{2}|[| ]*$)[-=~_+| ]{3,}")
_ARROW = re.compile(r"^(?:[-=]*>+|<[-=]+|[-=]{2,}|\|)\s+|\s+(?:[-=]+>+|[-=]{2,}|<[-=]+|\|)$")
#: A kernel's own words below a diagram.
SPLAT = re.compile(
    r"^\s*(?:BUG:|kernel BUG|Oops|WARNING:|page dumped because|page:|flags:|Call Trace|-{5,}\[|"
    r"mmspec: |violated )"
)


def lines_of(data: bytes | str) -> list[str]:
    """The lines of a text; DiagramError if it is none, or too much of it."""
    if len(data) > MOST_BYTES:
        raise DiagramError(f"too large for a diagram: more than {MOST_BYTES >> 10} kB")
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8")
        except UnicodeDecodeError:
            raise DiagramError("this is not text") from None
    if any(ord(c) < 32 and c not in "\t\n\r\f" for c in data):
        raise DiagramError("this is not text: it has control characters")
    found = data.splitlines()
    if len(found) > MOST_LINES:
        raise DiagramError(f"too long for a diagram: more than {MOST_LINES} lines")
    if any(len(line) > MOST_WIDTH for line in found):
        raise DiagramError(f"too wide for a diagram: a line of more than {MOST_WIDTH} characters")
    return [_plain(line) for line in found]


def _plain(line: str) -> str:
    """Without the marks of quoting, with spaces for tabs."""
    line = line.expandtabs(8).rstrip()
    while line.startswith(">") or line.startswith(" >"):
        line = line.lstrip(" ")[1:]
    if line.startswith(" *") and not line.startswith(" */"):
        # within a comment
        line = "  " + line[2:]
    return line


def chunks(line: str) -> list[tuple[int, str]]:
    """What two spaces or more separate, with the place of each."""
    line = re.sub(r"(?<= )\|(?= |$)|^\|(?= )", " ", line)
    return [(match.start(), match[0]) for match in _CHUNK.finditer(line)]


def cut(lines: Sequence[str], first: int, names: Sequence[str] = ()) -> Layout:
    """Cut text into cells. names: further words that may head a column."""
    known = {name.lower() for name in names}
    found = _header(lines, first, known)
    if found is None:
        raise DiagramError(
            "there is no line with the names of the columns, such as `CPU0      CPU1`"
        )
    at, heads = found
    bars = [n for n, c in enumerate(lines[at]) if c == "|"]
    body = [(number, _unbarred(line, bars)) for number, line in _body(lines, at + 1)]
    starts = _starts([place for place, _ in heads], [line for _, line in body])
    cells: list[Cell] = []
    for row, (number, line) in enumerate(body):
        if SPLAT.match(line):
            cells.append(Cell(number, row, 0, 0, " ".join(line.split())))
            continue
        merged: dict[int, tuple[int, str]] = {}
        for place, text in chunks(line):
            column = sum(place >= start for start in starts[1:])
            if column in merged:
                begin, before = merged[column]
                merged[column] = begin, f"{before} {text}"
            else:
                merged[column] = place, text
        for column, (place, text) in sorted(merged.items()):
            stripped = _ARROW.sub("", text).strip()
            if stripped:
                cells.append(Cell(number, row, column, place - starts[column], stripped))
    last = body[-1][0] if body else at + 1
    after = tuple((n + 1, line) for n, line in enumerate(lines) if n + 1 > last and line.strip())
    return Layout(tuple(text for _, text in heads), tuple(cells), after)


def _unbarred(line: str, bars: Sequence[int]) -> str:
    """Without the lines that are drawn between columns."""
    for n in bars:
        if line[n : n + 1] == "|":
            line = f"{line[:n]} {line[n + 1 :]}".rstrip()
    return line


def _header(
    lines: Sequence[str], first: int, known: set[str]
) -> tuple[int, list[tuple[int, str]]] | None:
    alone = None
    for number in range(first, len(lines)):
        parts = chunks(lines[number])
        if len(parts) == 1 and alone is None and _ALONE.fullmatch(parts[0][1].strip()):
            # a report of a task that needs no other
            alone = number, [(parts[0][0], parts[0][1].strip())]
        if not len(parts) >= 2:
            continue
        heads = [text.strip().strip("[]:").strip() for _, text in parts]
        below = lines[number + 1] if number + 1 < len(lines) else ""
        ruled = bool(_RULE.fullmatch(below)) and len(chunks(below)) == len(parts)
        named = [bool(_HEAD.fullmatch(h)) or h.lower().rstrip("()") in known for h in heads]
        if all(named) or (ruled and all(len(h) < 30 for h in heads)):
            if len(parts) > MOST_COLUMNS:
                raise DiagramError(f"{len(parts)} columns are too many: at most {MOST_COLUMNS}")
            return number, [(place, h) for (place, _), h in zip(parts, heads, strict=True)]
    return alone


def _body(lines: Sequence[str], first: int) -> Iterator[tuple[int, str]]:
    """Lines up to the first that is prose, as (number from 1, text)."""
    blank = 0
    for number in range(first, len(lines)):
        line = lines[number]
        if not line.strip() or _RULE.fullmatch(line):
            blank += 1
            continue
        if SPLAT.match(line) and blank and not line.startswith("  "):
            return
        if blank and _is_prose(line):
            return
        blank = 0
        yield number + 1, line


def _is_prose(line: str) -> bool:
    words = line.split()
    plain = sum(bool(re.fullmatch(r"[A-Za-z']+[,.;:]?", word)) for word in words)
    alone = len(chunks(line)) == 1
    return alone and not line.startswith("  ") and len(words) >= 5 and plain >= len(words) - 2


def _starts(heads: Sequence[int], body: Sequence[str]) -> list[int]:
    """Where each column begins, from where its name and its lines stand."""
    places = sorted({place for line in body for place, _ in chunks(line)})
    found = [0]
    for left, head in zip(heads, heads[1:], strict=False):
        low = max(found[-1] + 1, left + (head - left) // 3)
        near = [p for p in places if low <= p <= head + 12]
        start = head
        if head not in near:
            # the widest gap says where the next column begins
            best = 0
            before = [p for p in places if p < low][-1:] or [0]
            for earlier, later in zip([*before, *near], near, strict=False):
                if later - earlier > best and later <= head + 12:
                    best, start = later - earlier, later
        else:
            # lines may begin a little before the name
            while any(start - 2 <= p < start for p in near):
                start = min(p for p in near if start - 2 <= p < start)
        found.append(start)
    return found
