"""Traces on disk: what is needed to take the same steps again. See docs/trace.md.

A trace names its scenario, its changes and its properties; nothing in it is executed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmspec.checker import Target, Violation
from mmspec.compiler import cache
from mmspec.kernels import Kernel
from mmspec.kernels.known import change_named
from mmspec.lang.context import Config, ModelError
from mmspec.properties import PROPERTIES, SPECIAL
from mmspec.scenarios import scenario_named
from mmspec.scenarios.scenario import Case, Scenario

FORMAT, VERSION = "mmspec-trace", 1
#: No trace comes near these; what does is refused before it is looked at.
_MOST_BYTES, _MOST_STEPS = 16 << 20, 1_000_000


class TraceError(ModelError):
    """A file is not a trace that can be used."""


@dataclass(frozen=True)
class Trace:
    """A violation and how to reach it. source: a digest of the specification it was found in."""

    scenario: Scenario
    case: Case
    config: Config
    target: Target
    merged: bool
    violation: Violation
    source: str = ""

    @property
    def is_current(self) -> bool:
        """Whether the specification is still the same."""
        return self.source == cache.sources()

    def to_json(self) -> str:
        """As text."""
        kernel, found = self.target.kernel, self.violation
        return (
            json.dumps(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "scenario": self.scenario.name,
                    "case": self.case.name,
                    "config": dict(self.config.sizes),
                    "kernel": {
                        "name": kernel.name,
                        "changes": sorted(map(str, kernel.changes)),
                        "debug_vm": kernel.debug_vm,
                    },
                    "watched": self.target.watched,
                    "merged": self.merged,
                    "violation": {
                        "property": found.broken.name if found.broken else None,
                        "kind": found.kind,
                        "text": found.text,
                        "task": found.task,
                        "exits": found.exits,
                    },
                    "schedule": [list(step) for step in found.steps],
                    "source": self.source,
                },
                indent=1,
            )
            .replace("[\n   ", "[")
            .replace(",\n   ", ", ")
            .replace("\n  ]", "]")
        )

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".trace-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.to_json() + "\n")
            os.chmod(name, 0o644)
            os.replace(name, path)
        except OSError as error:
            raise TraceError(f"{path}: the trace cannot be saved: {error.strerror}") from None


def load(path: Path) -> Trace:
    """Read a trace; TraceError says what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TraceError(f"{path}: too large for a trace")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise TraceError(
            f"{path}: this is not JSON: a trace is what `mmspec check` saves"
        ) from None
    try:
        return _read(_Object(data, str(path)))
    except ModelError as error:
        text = str(error)
        raise TraceError(text if text.startswith(str(path)) else f"{path}: {text}") from None


class _Object:
    """A JSON object whose members must have the types that are asked for."""

    def __init__(self, data: Any, place: str) -> None:
        if not isinstance(data, Mapping):
            raise TraceError(f"{place}: expected an object")
        self.data = data
        self.place = place

    def get(self, name: str, kind: type) -> Any:
        if name not in self.data:
            raise TraceError(f"{self.place}: {name!r} is missing")
        value = self.data[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TraceError(f"{self.place}: {name!r} must be {_KINDS[kind]}")
        return value

    def object(self, name: str) -> _Object:
        return _Object(self.get(name, dict), f"{self.place}: {name}")


_KINDS = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def _read(top: _Object) -> Trace:
    if top.get("format", str) != FORMAT:
        raise TraceError(f"{top.place}: its format is not {FORMAT}")
    version = top.get("version", int)
    if version != VERSION:
        raise TraceError(f"{top.place}: version {version}; this mmspec reads version {VERSION}")
    scenario = scenario_named(top.get("scenario", str))
    sizes = top.get("config", dict)
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= 4096:
            raise TraceError(f"{top.place}: config: {name!r} must be an integer from 0 to 4096")
    about = top.object("kernel")
    changes = []
    for name in about.get("changes", list):
        if not isinstance(name, str):
            raise TraceError(f"{about.place}: a change is named by a string")
        changes.append(change_named(name))
    kernel = Kernel.of(about.get("name", str), changes)
    if not about.get("debug_vm", bool):
        kernel = Kernel(kernel.name, kernel.changes, False)
    steps = []
    for step in top.get("schedule", list):
        good = isinstance(step, list) and len(step) == 2
        if not good or not all(type(n) is int and 0 <= n < 256 for n in step):
            raise TraceError(f"{top.place}: schedule: a step is [task, choice]")
        steps.append((step[0], step[1]))
    if len(steps) > _MOST_STEPS:
        raise TraceError(f"{top.place}: schedule: too long")
    said = top.object("violation")
    broken = said.data.get("property")
    known = PROPERTIES | SPECIAL
    if broken is not None and not (isinstance(broken, str) and broken in known):
        raise TraceError(f"{said.place}: there is no property {broken!r}")
    violation = Violation(
        known[broken] if broken is not None else None,
        said.get("kind", str),
        said.get("text", str),
        tuple(steps),
        said.get("task", int),
        said.get("exits", int),
    )
    return Trace(
        scenario,
        scenario.case(top.get("case", str)),
        Config.of(**sizes),
        Target(kernel, top.get("watched", bool)),
        top.get("merged", bool),
        violation,
        top.get("source", str),
    )
