"""KTAP: held to the grammar of Documentation/dev-tools/ktap.rst, and read by tap.py."""

from __future__ import annotations

import re

import pytest

from mmspec.report.history import History
from mmspec.report.ktap import ktap
from mmspec.report.text import text

_RESULT = re.compile(r"^(ok|not ok) (\d+) (?:- )?([^#\n]*)( # \w+.*)?$")


def _read(lines: list[str], depth: int = 0) -> list[tuple[int, str, str]]:
    """Tests as (depth, result, name), by version, plan and result lines; the rest is remarks."""
    indent = "  " * depth
    own = [line.removeprefix(indent) for line in lines]
    assert own[0] == "KTAP version 1"
    rest = own[1:]
    if rest[0].startswith("# Subtest: "):
        rest.pop(0)
    plan = re.fullmatch(r"1\.\.(\d+)", rest.pop(0))
    assert plan is not None
    found: list[tuple[int, str, str]] = []
    inner: list[str] = []
    results = 0
    for line in rest:
        match = _RESULT.match(line)
        if line.startswith("  "):
            inner.append(line)
        elif match:
            results += 1
            assert int(match[2]) == results
            found.append((depth, match[1], match[3]))
        else:
            assert line.startswith("#")
    assert results == int(plan[1])
    return found + (_read([line[2:] for line in inner], 0) if inner else [])


def test_it_is_a_failed_test_in_a_failed_test(history: History) -> None:
    found = _read(ktap(history).splitlines())

    assert [(result, name) for _, result, name in found] == [
        ("not ok", history.trace.scenario.name),
        ("not ok", history.trace.case.name),
    ]


def test_the_report_is_in_its_remarks(history: History) -> None:
    remarks = [line[4:] for line in ktap(history).splitlines() if line.startswith("  # ")]

    assert [line for line in text(history).splitlines() if line] == [r for r in remarks[1:] if r]


def test_a_reader_of_tap_finds_the_outer_test(history: History) -> None:
    parser = pytest.importorskip("tap.parser")
    found = [line for line in parser.Parser().parse_text(ktap(history)) if line.category == "test"]

    assert [(line.ok, line.description) for line in found] == [(False, history.trace.scenario.name)]


def test_names_cannot_be_directives(hostile: History) -> None:
    assert {result for _, result, _ in _read(ktap(hostile).splitlines())} == {"not ok"}
