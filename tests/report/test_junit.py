"""JUnit's XML: read by junitparser."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest

from mmspec.report.history import History
from mmspec.report.junit import junit
from mmspec.report.text import text


def test_a_reader_finds_one_failed_test(history: History) -> None:
    junitparser = pytest.importorskip("junitparser")
    found = junitparser.JUnitXml.fromstring(junit(history).encode())
    (suite,) = found
    (case,) = suite
    (failure,) = case.result

    assert (found.tests, found.failures, found.errors) == (1, 1, 0)
    assert case.name == history.trace.case.name
    assert isinstance(failure, junitparser.Failure)
    assert (failure.type, failure.message) == (history.ending.name, history.ending.headline)
    assert failure.text == text(history)
    assert case.system_out == f"mmspec replay {history.file}"


def test_hostile_names_are_only_text(hostile: History) -> None:
    found = ET.fromstring(junit(hostile))

    assert [child.tag for child in found.iter() if child.tag in ("script", "img")] == []


def test_what_xml_cannot_hold_is_replaced(history: History) -> None:
    odd = dataclasses.replace(history, file="a\x00b\x1b[31m\ud800\ufffe.json")

    assert "\N{REPLACEMENT CHARACTER}" in junit(odd)
    ET.fromstring(junit(odd))
