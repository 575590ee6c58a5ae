"""The trace as states, in the Informal Trace Format that TLA+ tools read.

https://apalache-mc.org/docs/adr/015adr-trace.html. A variable is an object of shared memory that
the trace changes; `docs/schema/itf.json` describes what stands under `#meta`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mmspec.lang.structs import ArrayOf, Ref
from mmspec.report import names
from mmspec.report.execution import Place as Where
from mmspec.report.history import History, Step, source
from mmspec.report.names import Place

#: Integers beyond these are not exact in every reader of JSON.
_MOST = 1 << 53


def itf(history: History) -> str:
    """The JSON text."""
    made = document(history)
    states = ",\n".join(json.dumps(state, ensure_ascii=False) for state in made["states"])
    rest = {**made, "states": []}
    whole = json.dumps(rest, ensure_ascii=False, indent=1)
    return whole.removesuffix("[]\n}") + f"[\n{states}\n]\n}}\n"


def document(history: History) -> dict[str, Any]:
    """The trace as an object."""
    places = _changing(history)
    variables = list(dict.fromkeys(variable(place.thing) for place in places))
    memory = list(history.execution.after_set_up)
    states = [_state(history, places, memory, 0, None)]
    for step in history.steps:
        for seen in step.seen:
            if seen.before is not None:
                memory[seen.slot] = seen.raw
        states.append(_state(history, places, memory, step.number, step))
    return {"#meta": _about(history), "params": [], "vars": variables, "states": states}


def variable(thing: str) -> str:
    """An object's name as an identifier: `mm 0 pmd[0]` is `mm_0_pmd_0`."""
    return re.sub(r"\W+", "_", thing).strip("_")


def _changing(history: History) -> list[Place]:
    """The scalars of every object that changes."""
    places = history.namer.places
    things = {places[seen.slot].thing for step in history.steps for seen in step.changes}
    return [place for place in places if place.thing in things]


def _state(
    history: History, places: list[Place], memory: list[int], number: int, step: Step | None
) -> dict[str, Any]:
    made: dict[str, Any] = {"#meta": {"index": number}}
    if step is not None:
        made["#meta"]["mmspec"] = _step(step)
    for place in places:
        record = made.setdefault(variable(place.thing), {})
        value = _value(history, place, memory[place.slot])
        name = place.field.name.lstrip("_")
        if isinstance(place.field.type, ArrayOf):
            record.setdefault(name, []).append(value)
        else:
            record[name] = value
    return made


def _value(history: History, place: Place, value: int) -> Any:
    """An integer; a pointer as the name of the variable it leads to, or `NULL`."""
    elem = place.field.elem
    if isinstance(elem, Ref):
        return variable(names.thing(history.namer.layout, elem.cls, value - 1)) if value else "NULL"
    return value if -_MOST < value < _MOST else {"#bigint": str(value)}


def _step(step: Step) -> dict[str, Any]:
    return {
        "task": step.task,
        "choice": step.choice,
        "exiting": step.exiting,
        "text": "; ".join(step.texts()),
        "key": step.is_key,
        "stack": [_place(where) for where in step.stack],
        "changes": [
            {"name": seen.name, "before": seen.before, "after": seen.value} for seen in step.changes
        ],
        "tasks": [
            {
                "holds": [{"lock": name, "shared": shared} for name, shared in locks.held],
                "waits": list(locks.waits) if locks.blocked else None,
            }
            for locks in step.locks
        ],
    }


def _place(where: Where) -> dict[str, Any]:
    call = where.call
    return {
        "function": call.function,
        "file": source(call),
        "line": where.line,
        "restates": call.restates,
    }


def _about(history: History) -> dict[str, Any]:
    trace, end = history.trace, history.ending
    target = trace.target
    return {
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "description": f"{history.title}: {end.headline}",
        "source": history.file,
        "mmspec": {
            "scenario": trace.scenario.name,
            "case": trace.case.name,
            "kernel": {
                "name": target.kernel.name,
                "changes": sorted(map(str, target.kernel.changes)),
                "debug_vm": target.kernel.debug_vm,
            },
            "watched": target.watched,
            "tasks": [task.__name__ for task in trace.case.tasks],
            "violation": {
                "property": end.name,
                "explanation": end.explanation,
                "kind": end.kind,
                "task": end.task,
                "splat": list(end.splat),
                "disagree": [{"name": name, "value": value} for name, value in end.disagree],
                "stack": [_place(where) for where in end.stack],
            },
        },
    }
