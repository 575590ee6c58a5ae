"""SARIF 2.1.0: checked by its schema, which an npm package brings, and by sarif-tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mmspec
from mmspec.report.history import History
from mmspec.report.sarif import sarif
from tests.report.conftest import READERS

SCHEMA = READERS / "@microsoft" / "jest-sarif" / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"


def _valid(text: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    if not SCHEMA.exists():
        pytest.skip("npm install --ignore-scripts --prefix tests/report/readers")
    found = json.loads(text)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(found)
    return found


def test_it_is_as_the_schema_says(history: History) -> None:
    assert _valid(sarif(history))["version"] == "2.1.0"


def test_hostile_names_are_only_names(hostile: History) -> None:
    _valid(sarif(hostile))


def test_steps_are_in_the_order_of_execution(history: History) -> None:
    (flow,) = json.loads(sarif(history))["runs"][0]["results"][0]["codeFlows"]
    orders = {
        place["executionOrder"]: thread["id"]
        for thread in flow["threadFlows"]
        for place in thread["locations"]
    }

    assert sorted(orders) == [step.number for step in history.steps]
    assert all(orders[step.number] == f"CPU{step.task}" for step in history.steps)


def test_places_are_lines_of_the_package(history: History) -> None:
    package = Path(mmspec.__file__).parent
    (flow,) = json.loads(sarif(history))["runs"][0]["results"][0]["codeFlows"]
    for thread in flow["threadFlows"]:
        for place in thread["locations"]:
            where = place["location"].get("physicalLocation")
            if where is not None:
                lines = (package / where["artifactLocation"]["uri"]).read_text().splitlines()
                assert 1 <= where["region"]["startLine"] <= len(lines)


def test_the_rule_is_the_property(history: History) -> None:
    run = json.loads(sarif(history))["runs"][0]

    assert run["results"][0]["ruleId"] == history.ending.name
    assert history.ending.name in {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_sarif_tools_reads_it(history: History, tmp_path: Path) -> None:
    loader = pytest.importorskip("sarif.loader")
    path = tmp_path / "report.sarif"
    path.write_text(sarif(history))
    records = loader.load_sarif_file(str(path)).get_records()

    assert [record["Code"] for record in records] == [history.ending.name]
    assert records[0]["Severity"] == "error"
