"""The report as text: what `mmspec check` prints, ready for a mail."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess

from mmspec.report.history import History
from mmspec.report.text import text


def test_it_is_never_wider_than_72_columns(history: History) -> None:
    lines = text(history).splitlines()

    assert max(map(len, lines)) <= 72
    assert not any(line != line.rstrip() or "\t" in line for line in lines)


def test_it_holds_the_report_of_check(history: History) -> None:
    found = text(history)

    assert "\n".join(line.rstrip() for line in history.told()) in found
    assert "violated " in found
    assert "scope    4 subpages" in found


def test_the_command_that_replays_it_survives_being_wrapped(history: History) -> None:
    file = "a/very long/directory's name/" + "with-a-long-file-name-" * 8 + "$HOME.json"
    lines = text(dataclasses.replace(history, file=file)).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("replay"))
    last = next(n for n, line in enumerate(lines) if line.startswith("scope"))
    command = "\n".join(lines[first:last]).removeprefix("replay   ")

    assert max(map(len, lines)) <= 72
    done = subprocess.run(
        ["sh", "-c", command.replace("mmspec", 'printf "%s,"', 1)], capture_output=True, text=True
    )
    assert done.stdout == f"replay,{file},"
    assert shlex.split(f"mmspec replay {shlex.quote(file)}")[2] == file
