"""The seed's table: every kernel's verdict, how it shows itself, and the size of what holds."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from mmspec.checker import Checker, Options, Result, Target, Verdict
from mmspec.report.execution import confirm
from mmspec.scenarios.seed import ROWS, SCENARIO

#: States that are explored where it holds: a reduction that loses some is noticed.
HOLDS = {
    "v4.13 fixed": 548_428,
    "v4.14 fixed": 341_097,
    "v4.14 less the patch": 341_097,
    "V-A with the patch": 445_521,
}

#: How it first shows itself where it does not hold: the kind, and the text.
VIOLATED = {
    "v4.13": ("property", "no page that others map is writable"),
    "v4.14": ("BUG_ON", "kernel BUG: total_mapcount(head) > 0"),
    "V-A": ("property", "no processor reaches a freed page through its TLB"),
    "V-N": ("property", "no page that others map is writable"),
    "V-N guarded": ("property", "no page that others map is writable"),
    "V-1": ("property", "no page is freed while mapped"),
    "V-C": ("VM_BUG_ON", "VM_BUG_ON_PAGE(!PageTransCompound(page))"),
    "V-C with the patch": (
        "VM_BUG_ON",
        "VM_BUG_ON_PAGE(!pvmw.pte): unexpected PMD-mapped THP",
    ),
    "V-W": ("property", "no page that others map is writable"),
    "V-W with the patch": (
        "VM_BUG_ON",
        "VM_BUG_ON_PAGE(!pvmw.pte): unexpected PMD-mapped THP",
    ),
}

#: What the kernels themselves print with CONFIG_DEBUG_VM off: kinds, over all cases.
LATE = {
    "v4.13": set(),
    "v4.14": {"Bad rss-counter state"},
    "V-A": {"BUG_ON", "Bad rss-counter state", "bad pmd"},
    "V-N": {"Bad rss-counter state", "list corruption", "oops"},
    "V-N guarded": {"Bad rss-counter state", "BUG_ON", "oops", "bad pmd"},
    "V-1": {"Bad rss-counter state", "Bad page state", "deadlock", "bad pmd"},
    "V-C": {"Bad rss-counter state", "Bad page state"},
    "V-C with the patch": {"oops"},
    "V-W": {"Bad page state"},
    "V-W with the patch": {"oops", "Bad page state"},
}


@functools.cache
def results() -> dict[str, Result]:
    checker = Checker(SCENARIO, [Target(row.kernel) for row in ROWS], Options(workers=2))
    return dict(zip([row.name for row in ROWS], checker.run(), strict=True))


@functools.cache
def late() -> dict[str, Result]:
    rows = [row for row in ROWS if row.name in LATE]
    targets = [Target(row.kernel.without_debug(), watched=False) for row in rows]
    checker = Checker(SCENARIO, targets, Options(workers=2, all_cases=True))
    return dict(zip([row.name for row in rows], checker.run(), strict=True))


def test_every_row_is_expected_somewhere() -> None:
    assert {row.name for row in ROWS} == set(HOLDS) | set(VIOLATED)
    assert set(LATE) == set(VIOLATED)


@pytest.mark.parametrize("name", HOLDS)
def test_it_holds_and_every_state_was_explored(name: str) -> None:
    result = results()[name]

    assert result.verdict is Verdict.HOLDS
    assert result.states == HOLDS[name]
    assert not result.skipped
    assert not result.missing
    assert all(found.ends for found in result.cases)


@pytest.mark.parametrize("name", VIOLATED)
def test_it_is_violated_and_cpython_agrees(name: str) -> None:
    result = results()[name]
    found = result.shortest

    assert result.verdict is Verdict.VIOLATED
    assert found is not None and found.violation is not None
    assert (found.violation.kind, found.violation.text) == VIOLATED[name]
    execution = confirm(found.case, SCENARIO.config, result.target, found.violation)
    assert (execution.end.kind, execution.end.text) == VIOLATED[name]


@pytest.mark.parametrize("name", LATE)
def test_the_kernel_itself_prints(name: str) -> None:
    result = late()[name]
    kinds = {found.violation.kind for found in result.cases if found.violation is not None}

    assert kinds == LATE[name]
    for found in result.cases:
        if found.violation is not None:
            execution = confirm(found.case, SCENARIO.config, result.target, found.violation)
            assert execution.end.kind == found.violation.kind


@pytest.mark.parametrize(("order", "states"), [(1, 207_077), (3, 816_153)])
def test_it_holds_with_other_numbers_of_subpages(order: int, states: int) -> None:
    config = SCENARIO.config.with_(order=order, frames=48)
    scenario = dataclasses.replace(SCENARIO, config=config)
    kernel = next(row.kernel for row in ROWS if row.name == "v4.14 fixed")
    result = Checker(scenario, [Target(kernel)], Options(workers=2)).run()[0]

    assert result.verdict is Verdict.HOLDS
    assert result.states == states


@pytest.mark.parametrize("name", VIOLATED)
def test_violations_with_eight_subpages_are_confirmed(name: str) -> None:
    config = SCENARIO.config.with_(order=3, frames=48)
    scenario = dataclasses.replace(SCENARIO, config=config)
    kernel = next(row.kernel for row in ROWS if row.name == name)
    result = Checker(scenario, [Target(kernel)], Options(workers=2)).run()[0]
    found = result.shortest

    assert found is not None and found.violation is not None
    execution = confirm(found.case, config, result.target, found.violation)
    assert execution.end.kind == found.violation.kind
