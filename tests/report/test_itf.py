"""The trace as states: checked by the published schema, and by itf-py, a reader of the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmspec.report.history import History
from mmspec.report.itf import itf, variable

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "itf.json"


def test_it_is_as_the_schema_says(history: History) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    found = json.loads(itf(history))
    found["states"] = found["states"][:: max(1, len(found["states"]) // 100)]  # they are alike

    jsonschema.Draft202012Validator(schema).validate(found)


def test_a_reader_of_the_format_reads_it(history: History) -> None:
    reader = pytest.importorskip("itf_py")
    trace = reader.trace_from_json(json.loads(itf(history)))

    assert len(trace.states) == len(history.steps) + 1
    assert trace.vars == json.loads(itf(history))["vars"]
    assert all(set(trace.vars) == set(state.values) for state in trace.states)


def test_the_last_state_is_the_final_memory(history: History) -> None:
    last: dict[str, Any] = json.loads(itf(history))["states"][-1]
    values = history.execution.world.values
    seen = 0
    for place in history.namer.places:
        found = last.get(variable(place.thing), {}).get(place.field.name.lstrip("_"))
        if isinstance(found, list):
            found = found[place.k]
        if isinstance(found, int):
            assert found == values[place.slot], place.name
            seen += 1

    assert seen > 20


def test_big_integers_are_strings(history: History) -> None:
    def numbers(value: Any) -> list[int]:
        if isinstance(value, dict):
            return [n for inner in value.values() for n in numbers(inner)]
        if isinstance(value, list):
            return [n for inner in value for n in numbers(inner)]
        return [value] if isinstance(value, int) else []

    assert max(map(abs, numbers(json.loads(itf(history))))) < 1 << 53


def test_names_are_identifiers(hostile: History) -> None:
    jsonschema = pytest.importorskip("jsonschema")

    jsonschema.validate(json.loads(itf(hostile)), json.loads(SCHEMA.read_text()))
