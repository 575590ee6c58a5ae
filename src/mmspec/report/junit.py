"""The trace as a failed test in JUnit's XML, which continuous integration shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from mmspec.report.history import History
from mmspec.report.text import command, text

#: What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(history: History) -> str:
    """The XML text."""
    trace, end = history.trace, history.ending
    counts = {"tests": "1", "failures": "1", "errors": "0", "skipped": "0", "time": "0"}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": _clean(f"mmspec {trace.scenario.name}")})
    suite.attrib.update(counts)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(history):
        ET.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(f"mmspec.{trace.scenario.name}.{history.kernel}"),
            "name": _clean(trace.case.name),
            "time": "0",
        },
    )
    about = {"message": _clean(end.headline), "type": _clean(end.name)}
    ET.SubElement(case, "failure", about).text = _clean(text(history))
    ET.SubElement(case, "system-out").text = _clean(command(history.file))
    ET.indent(suites, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, "unicode") + "\n"


def _properties(history: History) -> list[tuple[str, str]]:
    trace = history.trace
    sizes = [(f"config.{name}", str(size)) for name, size in trace.config.sizes.items()]
    return [
        ("kernel", trace.target.kernel.name),
        ("changes", " ".join(sorted(map(str, trace.target.kernel.changes)))),
        ("debug_vm", str(trace.target.kernel.debug_vm).lower()),
        ("steps", str(len(history.steps))),
        *sizes,
    ]


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
