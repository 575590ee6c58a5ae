"""The trace as ftrace has it.

Perfetto's trace processor is a program that is fetched from the network when it is first used; so
these tests hold the text to the format (Documentation/trace/ftrace.rst, and the lines that Perfetto
and systrace take), and TRAPpy, which reads such text, to what it holds.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmspec.report.ftrace import ftrace
from mmspec.report.history import History

_LINE = re.compile(
    r"^ *(?P<comm>.{1,16})-(?P<pid>\d+) +\[(?P<cpu>\d{3})\] (?P<flags>[.a-zA-Z0-9]{4,5}) +"
    r"(?P<time>\d+\.\d{6}): (?P<event>\w+): (?P<text>.+)$"
)
_MARK = re.compile(r"^(?:B\|\d+\|[^|]+|E\|\d+|I\|\d+\|[^|]+|C\|\d+\|[^|]+\|-?\d+)$")
_SWITCH = re.compile(
    r"^prev_comm=\S.* prev_pid=\d+ prev_prio=\d+ prev_state=\S+ ==> "
    r"next_comm=\S.* next_pid=\d+ next_prio=\d+$"
)


def _events(text: str) -> list[re.Match[str]]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [_LINE.match(line) for line in lines]
    assert all(found), lines[found.index(None)]
    return [match for match in found if match]


def test_every_line_has_the_format(history: History) -> None:
    text = ftrace(history)
    events = _events(text)

    assert text.startswith("# tracer: nop\n#\n# entries-in-buffer/entries-written: ")
    assert f" {len(events)}/{len(events)} " in text.splitlines()[2]
    for event in events:
        pattern = {"tracing_mark_write": _MARK, "sched_switch": _SWITCH}[event["event"]]
        assert pattern.match(event["text"]), event[0]


def test_time_goes_on(history: History) -> None:
    times = [float(event["time"]) for event in _events(ftrace(history))]

    assert times == sorted(times) and len(set(times)) == len(times)
    assert round(times[-1] * 1000 - 0.5) in (len(history.steps), len(history.steps) + 1)


def test_what_begins_ends(history: History) -> None:
    open_: dict[str, list[str]] = {}
    deepest = 0
    for event in _events(ftrace(history)):
        if event["event"] != "tracing_mark_write":
            continue
        kind, pid, *rest = event["text"].split("|")
        if kind == "B":
            open_.setdefault(pid, []).append(rest[0])
        elif kind == "E":
            open_[pid].pop()
        deepest = max(deepest, *map(len, open_.values()), 0)

    assert deepest > 5
    assert not any(open_.values())


def test_one_task_runs_at_a_time(history: History) -> None:
    running = 0
    for event in _events(ftrace(history)):
        if event["event"] == "sched_switch":
            running += 1 if " next_pid=0 " not in event["text"] + " " else -1
        elif event["text"][0] != "E":
            assert running == 1, event[0]

    assert running == 0


@pytest.mark.filterwarnings("ignore")
def test_a_reader_of_such_traces_finds_every_mark(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    trappy = pytest.importorskip("trappy")
    text = ftrace(history)
    path = tmp_path / "trace.html"
    begin = '<!-- BEGIN TRACE -->\n  <script class="trace-data" type="application/text">\n'
    path.write_text(f"{begin}{text}  </script>\n<!-- END TRACE -->\n")
    found = trappy.SysTrace(str(path), normalize_time=False)
    marks = found.tracing_mark_write.data_frame

    assert len(marks) == text.count(" tracing_mark_write: ")
    assert len(found.sched_switch.data_frame) == text.count(" sched_switch: ")
    assert set(marks["event"]) == {"B", "E", "I", "C"}
    assert "do_mbind" in set(marks["func"]) or "split_huge_pages_set" in set(marks["func"])


def test_names_cannot_end_a_field(hostile: History) -> None:
    for event in _events(ftrace(hostile)):
        if event["event"] == "tracing_mark_write":
            assert _MARK.match(event["text"])
