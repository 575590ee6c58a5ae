"""`mmspec report`: which file gets which form, and what becomes of errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmspec.report.formats import FORMATS, format_of
from tests.cli.conftest import Run, mmspec

__all__ = ["mmspec"]

Traces = Callable[[str], Path]


def test_the_ending_of_a_file_says_which_form_it_has(mmspec: Run, traces: Traces) -> None:
    files = [f"report{made.ending}" for made in FORMATS]
    said = mmspec("report", str(traces("bug")), *(word for f in files for word in ("-o", f)))

    assert (said.code, said.out, said.err) == (0, "", "")
    for file in files:
        assert len(Path(file).read_text()) > 1000
    assert not list(Path.cwd().glob(".report-*"))


def test_without_a_file_the_text_is_printed(mmspec: Run, traces: Traces) -> None:
    said = mmspec("report", str(traces("bug")))

    assert said.code == 0
    assert said.out.startswith("seed: a huge page is split")
    assert "kernel BUG at include/linux/swapops.h:migration_entry_to_page()" in said.out


def test_a_form_can_be_printed(mmspec: Run, traces: Traces) -> None:
    said = mmspec("report", str(traces("bug")), "--format", "ktap")

    assert said.code == 0
    assert said.out.startswith("KTAP version 1\n")


@pytest.mark.parametrize("file", ["report.pdf", "report", "report.json.gz", "."])
def test_an_ending_that_says_nothing_is_refused(mmspec: Run, traces: Traces, file: str) -> None:
    said = mmspec("report", str(traces("bug")), "-o", file)

    assert said.code == 3
    assert not Path("report").exists()
    if file != ".":
        assert said.err.count("\n") == 1
        assert ".txt, .html, .json, .ftrace, .sarif, .xml, .mmd, .ktap, .c" in said.err


def test_a_file_that_cannot_be_written_is_named(mmspec: Run, traces: Traces) -> None:
    said = mmspec("report", str(traces("bug")), "-o", "missing/report.txt")

    assert said.code == 3
    assert said.err == "mmspec: missing/report.txt: the report cannot be written: " + (
        "No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scenario": "os.system"}, "there is no scenario 'os.system'"),
        ({"schedule": [[9, 0]]}, "there is no task 9"),
        ({"schedule": []}, "CPython finds nothing wrong where the search found BUG_ON"),
        ({"version": 7}, "version 7"),
    ],
)
def test_a_trace_that_is_no_good_is_refused_in_one_line(
    mmspec: Run, traces: Traces, change: dict[str, object], words: str
) -> None:
    data = {**json.loads(traces("bug").read_text()), **change}
    Path("bad.json").write_text(json.dumps(data))
    said = mmspec("report", "bad.json", "-o", "report.txt")

    assert said.code == 3
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not Path("report.txt").exists()


def test_what_is_no_trace_at_all_is_refused(mmspec: Run) -> None:
    Path("file.json").write_text("nothing")
    said = mmspec("report", "file.json", "-o", "report.txt")

    assert said.code == 3
    assert "this is not JSON" in said.err


def test_an_ending_may_be_in_capitals() -> None:
    assert format_of(Path("REPORT.HTML")).name == "html"


def test_the_help_names_every_form(mmspec: Run) -> None:
    said = mmspec("report", "--help")

    assert all(f"{made.ending} " in said.out for made in FORMATS)
