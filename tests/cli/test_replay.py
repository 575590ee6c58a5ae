"""`mmspec replay`: the same steps, under a debugger; and traces that are no good."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def trace(mmspec: Run) -> Path:
    """The trace of a violation of V-C."""
    mmspec("check", "seed", "-k", "V-C", "--workers", "1")
    return Path("traces/seed-V-C.json").absolute()


def test_each_step_is_printed_with_its_place(mmspec: Run, trace: Path) -> None:
    said = mmspec("replay", str(trace))

    steps = [line for line in said.out.splitlines() if line[4:9] == "  CPU"]
    assert len(steps) == len(json.loads(trace.read_text())["schedule"])
    assert any("set_pmd_migration_entry" in line for line in steps)
    assert "kernel BUG at mm/migrate.c:remove_migration_pte()" in said.out


def test_it_stops_where_it_is_told(mmspec: Run, trace: Path) -> None:
    said = mmspec("replay", str(trace), "--until", "12")

    assert said.code == 0
    assert said.out.splitlines()[-1].strip()
    assert " 12  CPU" in said.out
    assert " 13  CPU" not in said.out


def test_the_report_comes_again(mmspec: Run, trace: Path) -> None:
    report = mmspec("check", "seed", "-k", "V-C", "--workers", "1").out
    said = mmspec("replay", str(trace), "--report")

    assert said.code == 1
    assert said.out.strip() in report


def test_pdb_stops_in_the_specification(trace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmspec", "replay", str(trace), "--pdb"],
        input="where\np page\nc\n",
        capture_output=True,
        text=True,
    )

    assert "spec/page/rmap.py" in done.stdout
    assert "(Pdb)" in done.stdout
    assert done.returncode == 1


def broken(trace: Path, **changes: Any) -> str:
    data = json.loads(trace.read_text())
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            data[name] = value
    trace.write_text(json.dumps(data))
    return str(trace)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "its format is not mmspec-trace"),
        ({"version": 2}, "version 2; this mmspec reads version 1"),
        ({"scenario": None}, "'scenario' is missing"),
        ({"scenario": 7}, "'scenario' must be a string"),
        ({"scenario": "os.system"}, "there is no scenario 'os.system'"),
        ({"case": "huge/nothing"}, "there is no case"),
        ({"schedule": [[0]]}, "a step is [task, choice]"),
        ({"schedule": [[0, -1]]}, "a step is [task, choice]"),
        ({"schedule": [[True, 0]]}, "a step is [task, choice]"),
        ({"schedule": [[9, 0]]}, "there is no task 9"),
        ({"config": {"order": "2"}}, "'order' must be an integer"),
        ({"config": {"ordre": 2}}, "no such parameter: ordre"),
        ({"kernel": {"name": "x", "changes": ["NOPE"], "debug_vm": True}}, "no change 'NOPE'"),
        ({"violation": []}, "'violation' must be an object"),
        (
            {"violation": {"property": [], "kind": "", "text": "", "task": 0, "exits": 0}},
            "there is no property []",
        ),
        ({"watched": 1}, "'watched' must be true or false"),
    ],
)
def test_a_trace_that_is_no_good_says_why(
    mmspec: Run, trace: Path, changes: dict[str, Any], words: str
) -> None:
    said = mmspec("replay", broken(trace, **changes))

    assert said.code == 3
    assert words in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("text", ["", "nothing", "[1, 2]", "{", '{"a": ' * 5000, "\x00\xff", "12"])
def test_files_that_are_no_traces_are_refused(mmspec: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text.encode("latin-1"))
    said = mmspec("replay", str(path))

    assert said.code == 3
    assert str(path) in said.err
    assert "Traceback" not in said.err


def test_a_schedule_that_ends_elsewhere_is_no_confirmation(mmspec: Run, trace: Path) -> None:
    schedule = json.loads(trace.read_text())["schedule"][:-3]
    said = mmspec("replay", broken(trace, schedule=schedule))

    assert said.code == 2
    assert "does not end in the violation" in said.err
