"""An executable specification of Linux's anonymous memory and transparent huge pages.

    >>> from mmspec import check, scenario
    >>> seed = scenario("seed")
    >>> result = check(seed, seed.kernel("V-A"))
    >>> result.verdict.value, result.shortest.violation.name
    ('violated', 'no_processor_reaches_a_freed_page_through_its_TLB')

What is named here is the public interface; it is imported when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmspec.checker import CaseResult, Options, Result, Verdict, Violation, check
    from mmspec.kernels import Change, Kernel
    from mmspec.kernels.releases import v4_10, v4_13, v4_14
    from mmspec.lang import Config
    from mmspec.report.terminal import report_of
    from mmspec.scenarios import Case, Row, Scenario, Witness, crossed
    from mmspec.scenarios import scenario_named as scenario
    from mmspec.search.bfs import Budget

__all__ = [
    "Budget",
    "Case",
    "CaseResult",
    "Change",
    "Config",
    "Kernel",
    "Options",
    "Result",
    "Row",
    "Scenario",
    "Verdict",
    "Violation",
    "Witness",
    "check",
    "crossed",
    "report_of",
    "scenario",
    "v4_10",
    "v4_13",
    "v4_14",
]

_HOME = {
    "mmspec.checker": ("CaseResult", "Options", "Result", "Verdict", "Violation", "check"),
    "mmspec.kernels": ("Change", "Kernel"),
    "mmspec.kernels.releases": ("v4_10", "v4_13", "v4_14"),
    "mmspec.lang": ("Config",),
    "mmspec.report.terminal": ("report_of",),
    "mmspec.scenarios": ("Case", "Row", "Scenario", "Witness", "crossed"),
    "mmspec.search.bfs": ("Budget",),
}


def __getattr__(name: str) -> Any:
    if name == "scenario":
        return importlib.import_module("mmspec.scenarios").scenario_named
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'mmspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
