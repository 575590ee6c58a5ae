"""The report as plain text for a mail: never wider than 72 columns."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator

from mmspec.report.columns import WIDTH
from mmspec.report.history import History
from mmspec.report.terminal import scope

_MARGIN = " " * 9


def text(history: History) -> str:
    """What `mmspec check` prints of a violation."""
    lines = [*heading(history), "", *history.told(), *footer(history)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def heading(history: History) -> Iterator[str]:
    """What was checked, and where."""
    trace = history.trace
    target = trace.target
    only = "" if target.watched else ", only what it notices itself"
    yield from _told(f"{trace.scenario.name}:", trace.scenario.title)
    yield from _told("kernel:", history.kernel + only)
    yield from _told("case:", f"{trace.case.name}, {len(trace.violation.steps)} steps")


def footer(history: History) -> Iterator[str]:
    """How to see it again, and what was explored."""
    yield from _command(history.file)
    yield from _told("scope", scope(history.trace.case, history.trace.config), _MARGIN)


def _told(label: str, text: str, margin: str = "") -> list[str]:
    first = f"{label:8} " if margin else f"{label} "
    indent = margin or " " * 8
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent)


def command(file: str) -> str:
    """The command that replays a trace."""
    return f"mmspec replay {shlex.quote(file)}"


def _command(file: str) -> Iterator[str]:
    """The same, in as many lines as it takes: a shell joins them."""
    line = f"replay   {command(file)}"
    if len(line) <= WIDTH:
        yield line
        return
    yield "replay   mmspec replay \\"
    line = ""
    for char in file:
        part = char if char == shlex.quote(char) else f"\\{char}"
        if len(line + part) >= WIDTH:
            yield line + "\\"
            line = ""
        line += part
    yield line
