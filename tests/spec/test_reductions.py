"""Reductions and workers change how the specification is searched, not what is found in it."""

from __future__ import annotations

import pytest

from mmspec.checker import CaseResult, Checker, Options, Target, Verdict
from mmspec.kernels import Kernel
from mmspec.kernels.releases import SAFE_SPLITTING, v4_14
from mmspec.lang import Config
from mmspec.lang.context import reading
from mmspec.scenarios.scenario import Case as Setting
from mmspec.scenarios.scenario import Scenario
from mmspec.scenarios.seed import SCENARIO as SEED
from tests.equality import native
from tests.spec import programs
from tests.spec.test_executions import CASES, SIZES

GOOD = v4_14.with_(*SAFE_SPLITTING)
#: The seed's fault, in the form in which the series was first posted with it.
BAD = next(row.kernel for row in SEED.rows if row.name == "V-A")

SPLIT = Setting("split", programs.huge_page, (programs.stores, programs.splits))
MOVE = Setting("move", programs.huge_page, (programs.stores, programs.binds))
SMALL = Scenario("small", "a small huge page", (SPLIT, MOVE), (), Config(SIZES))


def _check(
    setting: Setting, kernel: Kernel, *, merged: bool = True, memo: bool = True, workers: int = 1
) -> CaseResult:
    options = Options(merged=merged, memo=memo, workers=workers)
    return Checker(SMALL, [Target(kernel)], options).run_case(setting, 0, workers)


def _found(result: CaseResult) -> tuple[Verdict, str]:
    return result.verdict, result.violation.name if result.violation is not None else ""


@pytest.mark.parametrize("name", CASES)
def test_merged_steps_lead_to_the_same_ends(name: str) -> None:
    case = CASES[name]
    with reading(case.config):
        full, merged = native(case, False), native(case, True)

    assert full.ends == merged.ends != frozenset()
    assert len(merged.states) < len(full.states)


@pytest.mark.parametrize(
    ("setting", "full", "merged"),
    [(SPLIT, (5984, 11155), (2762, 4963)), (MOVE, (785, 1149), (517, 758))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_merging_leaves_out_states_and_no_ends(
    setting: Setting, full: tuple[int, int], merged: tuple[int, int]
) -> None:
    results = [_check(setting, GOOD, merged=mode) for mode in (False, True)]

    assert [_found(result) for result in results] == [(Verdict.HOLDS, "")] * 2
    assert results[0].ends == results[1].ends
    assert [(r.outcome.states, r.outcome.transitions) for r in results] == [full, merged]


@pytest.mark.parametrize("setting", [SPLIT, MOVE], ids=lambda setting: str(setting.name))
def test_merging_hides_no_violation(setting: Setting) -> None:
    full, merged = (_check(setting, BAD, merged=mode) for mode in (False, True))

    assert full.verdict is merged.verdict is Verdict.VIOLATED
    assert full.violation is not None and merged.violation is not None
    assert full.violation.name == merged.violation.name
    assert len(merged.violation.steps) <= len(full.violation.steps)


@pytest.mark.parametrize("merged", [False, True], ids=["full", "merged"])
@pytest.mark.parametrize("kernel", [GOOD, BAD], ids=["good", "bad"])
def test_remembered_results_and_more_workers_change_no_counts(kernel: Kernel, merged: bool) -> None:
    plain = _check(SPLIT, kernel, merged=merged, memo=False)
    counts = plain.outcome.states, plain.outcome.transitions

    for other in (
        _check(SPLIT, kernel, merged=merged),
        _check(SPLIT, kernel, merged=merged, workers=2),
    ):
        assert _found(other) == _found(plain)
        if plain.violation is None:
            assert (other.outcome.states, other.outcome.transitions) == counts
            assert other.ends == plain.ends
        else:
            assert other.violation is not None
            assert len(other.violation.steps) == len(plain.violation.steps)
