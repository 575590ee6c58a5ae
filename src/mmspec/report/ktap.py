"""The trace as a failed test in KTAP, as kselftests and KUnit print it.

https://docs.kernel.org/dev-tools/ktap.html
"""

from __future__ import annotations

from collections.abc import Iterator

from mmspec.report.history import History
from mmspec.report.text import text

_INDENT = "  "


def ktap(history: History) -> str:
    """The text."""
    return "".join(f"{line}\n" for line in _lines(history))


def _lines(history: History) -> Iterator[str]:
    scenario, case = history.trace.scenario, history.trace.case
    yield "KTAP version 1"
    yield "1..1"
    yield f"{_INDENT}KTAP version 1"
    yield f"{_INDENT}# Subtest: {_clean(scenario.name)}"
    yield f"{_INDENT}1..1"
    for line in text(history).splitlines():
        yield f"{_INDENT}# {line}".rstrip()
    yield f"{_INDENT}not ok 1 {_clean(case.name)}"
    yield f"not ok 1 {_clean(scenario.name)}"


def _clean(name: str) -> str:
    """A sharp sign would begin a directive."""
    return " ".join(name.replace("#", "").split())
