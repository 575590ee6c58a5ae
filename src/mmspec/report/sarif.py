"""The trace as SARIF 2.1.0: one result, with a thread flow for each task.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/. Steps carry their number as executionOrder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from mmspec.properties import PROPERTIES
from mmspec.report.execution import Place
from mmspec.report.history import History, Step, path, place_of, source
from mmspec.report.text import command, text

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "MMSPEC"


def sarif(history: History) -> str:
    """The JSON text."""
    return json.dumps(document(history), ensure_ascii=False, indent=1) + "\n"


def document(history: History) -> dict[str, Any]:
    """The log as an object."""
    run = {
        "tool": {"driver": _driver(history)},
        "automationDetails": {"id": f"mmspec/{history.trace.scenario.name}/{history.kernel}/"},
        "originalUriBaseIds": {
            _BASE: {"description": {"text": "The directory of the Python package mmspec."}}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(history)],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(history: History) -> dict[str, Any]:
    broken = history.trace.violation.broken
    end = history.ending
    known = {} if broken is not None and broken.name in PROPERTIES else {end.name: end}
    rules = [
        {"id": p.name, "shortDescription": {"text": f"{p.sentence}."}, "help": _text(p.explanation)}
        for p in PROPERTIES.values()
        if p.explanation
    ]
    rules += [
        {"id": name, "shortDescription": {"text": e.explanation}} for name, e in known.items()
    ]
    return {"name": "mmspec", "version": version("mmspec"), "rules": rules}


def _text(text: str) -> dict[str, str]:
    return {"text": text}


def _result(history: History) -> dict[str, Any]:
    end, trace = history.ending, history.trace
    stack = end.stack or next((s.stack for s in reversed(history.steps) if s.stack), ())
    made: dict[str, Any] = {
        "ruleId": end.name,
        "level": "error",
        "kind": "fail",
        "message": _text(f"{end.headline}\n{end.explanation}\n\n{text(history)}"),
        "locations": [_location(stack)] if stack else [],
        "codeFlows": [
            {
                "message": _text(f"{len(history.steps)} steps; again: {command(history.file)}"),
                "threadFlows": [_flow(history, task) for task in _tasks(history)],
            }
        ],
        "partialFingerprints": {
            "case/v1": f"{trace.scenario.name}/{trace.case.name}/{history.kernel}/{end.name}"
        },
    }
    if end.stack:
        made["stacks"] = [
            {
                "message": _text("where it is noticed"),
                "frames": [{"location": _location([where])} for where in reversed(end.stack)],
            }
        ]
    return made


def _tasks(history: History) -> list[int]:
    return sorted({step.task for step in history.steps})


def _flow(history: History, task: int) -> dict[str, Any]:
    programs = history.trace.case.tasks
    name = programs[task].__name__ if task < len(programs) else "exit"
    return {
        "id": f"CPU{task}",
        "message": _text(f"CPU{task}: {name}"),
        "locations": [_step(step) for step in history.steps if step.task == task] or [{}],
    }


def _step(step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {
        "executionOrder": step.number,
        "nestingLevel": max(len(path(step.stack)) - 1, 0),
        "importance": "essential" if step.is_key else "unimportant",
        "location": _location(step.stack, "; ".join(step.texts())),
    }
    taken = list(step.taken())
    if taken:
        made["kinds"] = sorted({"acquire" if t.startswith("takes") else "release" for t in taken})
        made["kinds"].append("lock")
    if step.changes:
        made["state"] = {seen.name: _text(seen.value) for seen in step.changes}
    return made


def _location(stack: Sequence[Place], message: str = "") -> dict[str, Any]:
    """Where a stack is; with no stack, only what happens."""
    made: dict[str, Any] = {}
    where = place_of(stack)
    if where is not None:
        call = where.call
        made["physicalLocation"] = {
            "artifactLocation": {"uri": source(call), "uriBaseId": _BASE},
            "region": {"startLine": where.line},
        }
        name = f"{call.restates}:{call.function}" if call.restates else call.function
        made["logicalLocations"] = [
            {"name": call.function, "fullyQualifiedName": name, "kind": "function"}
        ]
    if message:
        made["message"] = _text(message)
    return made
