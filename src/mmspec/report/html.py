"""One page with everything in it: lanes, steps, state, source. See docs/reports.md."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import FunctionType
from typing import Any

import jinja2
from markupsafe import Markup

from mmspec.lang.program import text_of
from mmspec.report import lanes as lane
from mmspec.report.columns import called
from mmspec.report.execution import Call, Place
from mmspec.report.glossary import LEGEND
from mmspec.report.history import History, Step, place_of, source
from mmspec.report.listing import Listings
from mmspec.report.terminal import scope
from mmspec.report.text import text

#: Beyond this a step's accesses are counted, not shown.
_MOST_SEEN = 60


def html(history: History) -> str:
    """The page."""
    page = files("mmspec.report").joinpath("page")
    style = page.joinpath("page.css").read_text(encoding="utf-8")
    script = page.joinpath("page.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(page.joinpath("page.html").read_text(encoding="utf-8"))
    trace = history.trace
    return template.render(
        title=history.title,
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
        data=_embedded(_Page(history).data()),
        history=history,
        ending=history.ending,
        noticed=not any("no kernel looks at this" in line for line in history.ending.splat),
        checked=_checked(history),
        programs=_programs(history),
        scope=scope(trace.case, trace.config),
        legend=LEGEND,
        text=text(history),
    )


def _digest(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _embedded(data: dict[str, Any]) -> Markup:
    """JSON that cannot end the element it stands in."""
    dumped = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        dumped = dumped.replace(char, f"\\u{ord(char):04x}")
    return Markup(dumped)


def _programs(history: History) -> list[tuple[str, str, str]]:
    case = history.trace.case
    made = [("set-up", case.set_up.__name__, case.set_up.__doc__ or "")]
    for number, task in enumerate(case.tasks):
        made.append((f"CPU{number}", task.__name__, task.__doc__ or ""))
    return [(label, name, " ".join(doc.split())) for label, name, doc in made]


def _checked(history: History) -> str:
    stack = history.ending.stack
    return f"{source(stack[-1].call)}:{stack[-1].line}" if stack else ""


@dataclass
class _Table:
    """Strings, each kept once."""

    strings: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))


class _Page:
    """What the script is given: numbers, and a table of strings. docs/reports.md has no more."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.string = _Table()
        self.lanes = lane.lanes(history)
        self.by_slot = {made.slot: n for n, made in enumerate(self.lanes) if made.slot >= 0}
        self.by_lock = {made.thing: n for n, made in enumerate(self.lanes) if made.slot < 0}
        self.calls: dict[int, int] = {}
        self.call_rows: list[list[int]] = []
        self.functions: dict[FunctionType, int] = {}
        trace = history.trace
        self.listings = Listings(history.execution.world.program, trace.target)
        self.locks: dict[str, str] = {}

    def data(self) -> dict[str, Any]:
        """Everything, for JSON."""
        history, string = self.history, self.string
        steps = [self._step(step) for step in history.steps]
        end = history.ending
        if end.stack:
            end_stack = self._stack(end.stack)
        elif end.name and history.trace.violation.broken is not None:
            end_stack = self._predicate()
        else:
            end_stack = []
        return {
            "tasks": [task.__name__ for task in history.trace.case.tasks],
            "kinds": list(lane.KINDS),
            "lanes": [
                [m.kind, string(m.thing), string(m.label), string(m.start), string(m.meaning)]
                for m in self.lanes
            ],
            "steps": steps,
            "calls": self.call_rows,
            "functions": self._functions(),
            "end": {
                "task": end.task,
                "stack": end_stack,
                "predicate": int(not end.stack),
                "splat": list(end.splat),
                "headline": end.headline,
                "kind": end.kind,
            },
            "strings": list(string.strings),
        }

    def _step(self, step: Step) -> dict[str, Any]:
        string, lane_of = self.string, self.by_slot
        place = place_of(step.stack)
        places = self.history.namer.places
        seen = []
        for one in step.seen[:_MOST_SEEN]:
            if one.slot not in lane_of:
                continue
            self._enter(one.stack)
            value = string(lane.said(places[one.slot], one.name, one.value))
            row = [self._call(one.place.call), one.place.line, lane_of[one.slot], value]
            if one.before is not None:
                row.append(string(lane.said(places[one.slot], one.name, one.before)))
            seen.append(row)
        renamed = [
            [lane_of[slot], string(lane.said(places[slot], name, value))]
            for slot, name, value in step.renamed
        ]
        made: dict[str, Any] = {
            "t": step.task,
            "s": self._stack(step.stack),
            "x": [string(part) for part in step.texts()[:6]],
        }
        if place is not None:
            made["p"] = self._call(place.call)
        for key, value_of in (
            ("e", seen),
            ("r", renamed),
            ("k", self._lock_changes(step)),
            ("w", self._waits(step)),
            ("n", [string(taken) for taken in step.taken()]),
            ("m", int(step.is_key)),
            ("q", int(step.exiting)),
            ("c", step.choice),
        ):
            if value_of:
                made[key] = value_of
        return made

    def _lock_changes(self, step: Step) -> list[list[int]]:
        now = lane.lock_states(step)
        found = []
        for name in {**self.locks, **now}:
            if now.get(name, "") != self.locks.get(name, ""):
                found.append([self.by_lock[name], self.string(now.get(name, ""))])
        self.locks = now
        return found

    def _waits(self, step: Step) -> list[list[int]]:
        return [
            [task, self.string(f"{locks.does}({', '.join(locks.waits)})")]
            for task, locks in enumerate(step.locks)
            if locks.blocked
        ]

    def _stack(self, stack: Sequence[Place]) -> list[list[int]]:
        """As [call, line], outermost first."""
        self._enter(stack)
        return [[self._call(place.call), place.line] for place in stack]

    def _enter(self, stack: Sequence[Place]) -> None:
        """Number the calls of a stack; each with the line of its caller that it comes from."""
        parent = at = -1
        for n, place in enumerate(stack):
            call = place.call
            if call.number not in self.calls:
                fn = self.listings.function(place)
                number = -1 if fn is None else self.functions.setdefault(fn, len(self.functions))
                self.calls[call.number] = len(self.call_rows)
                label = self.string(called(call, self.history.namer))
                shown = int(n == 0 or call.restated)
                where = self.string(call.restates)
                name = self.string(call.function)
                self.call_rows.append([number, parent, label, shown, where, name, at])
            parent, at = self.calls[call.number], place.line

    def _call(self, call: Call) -> int:
        return self.calls.get(call.number, -1)

    def _predicate(self) -> list[list[int]]:
        """The property itself, where it is a predicate."""
        broken = self.history.trace.violation.broken
        if broken is None or broken.holds is None:
            return []
        fn = text_of(broken.holds)
        number = self.functions.setdefault(fn, len(self.functions))
        name = self.string(fn.__name__)
        self.call_rows.append([number, -1, name, 1, self.string(""), name, -1])
        return [[len(self.call_rows) - 1, 0]]

    def _functions(self) -> list[dict[str, Any]]:
        made = []
        for fn in self.functions:
            lines = self.listings.listing(fn).lines
            made.append(
                {
                    "name": fn.__name__,
                    "file": _short(fn.__code__.co_filename),
                    "numbers": [number for number, _ in lines],
                    "text": "\n".join(line for _, line in lines),
                }
            )
        return made


def _short(file: str) -> str:
    parts = Path(file).parts
    at = max((k for k, part in enumerate(parts) if part == "mmspec"), default=-1)
    return "/".join(parts[at + 1 :]) if at >= 0 else parts[-1]
