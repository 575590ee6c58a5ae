"""Checks of scenarios in which several tasks run the same program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmspec.checker import CaseResult, Checker, Options, Target, Verdict
from mmspec.lang import Config, this_task
from mmspec.scenarios.scenario import Case, Scenario
from mmspec.scenarios.seed import ROWS, SCENARIO, bind, split, write, zap
from mmspec.search.schedules import replay
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.mm_types import tasks
from mmspec.spec.page.syscalls import boot, mmap, share_mm, store


def three_threads() -> None:
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)
    share_mm(2)


def signs() -> None:
    mm = tasks[this_task()].mm
    mm.tlb_flush_batched = this_task()


CASES = (
    Case("bind/zap/zap", three_threads, (bind, zap, zap)),
    Case("split/write/write", three_threads, (split, write, write)),
    Case("signs", three_threads, (signs, signs, signs)),
)
THREE = Scenario(
    "three",
    "three threads",
    CASES,
    ROWS,
    Config.of(
        order=2, frames=24, tasks=3, mms=3, vmas=3, anon_vmas=3, avcs=6, tables=6, migrate_passes=2
    ),
)


@pytest.fixture(scope="module")
def checker() -> Checker:
    kernels = {row.name: row.kernel for row in ROWS}
    return Checker(THREE, [Target(kernels[name]) for name in ("v4.14", "V-A")])


def explored(checker: Checker, name: str, kernel: int) -> tuple[CaseResult, CaseResult]:
    """Without symmetry, and with."""
    case = THREE.case(name)
    reduced = checker.run_case(case, kernel)
    options = checker.options
    checker.options = replace(options, symmetry=False)
    plain = checker.run_case(case, kernel)
    checker.options = options
    return plain, reduced


@pytest.mark.parametrize("kernel", [0, 1], ids=["v4.14", "V-A"])
@pytest.mark.parametrize("name", ["bind/zap/zap", "split/write/write"])
def test_verdicts_are_those_without_symmetry(checker: Checker, name: str, kernel: int) -> None:
    plain, reduced = explored(checker, name, kernel)

    assert reduced.verdict is plain.verdict
    assert reduced.reached == plain.reached
    assert reduced.outcome.states < plain.outcome.states * 0.7
    assert (reduced.violation is None) == (plain.violation is None)
    assert (reduced.verdict is Verdict.VIOLATED) == (kernel == 1)


@pytest.mark.parametrize("name", ["bind/zap/zap", "split/write/write"])
def test_the_counterexample_is_one_of_the_scenario(checker: Checker, name: str) -> None:
    plain, reduced = explored(checker, name, 1)
    found = reduced.violation
    assert found is not None and plain.violation is not None
    assert found.broken is not None

    initial = checker.initial(THREE.case(name), 1)
    _, state = replay(checker.machine, initial, found.steps, 1)

    assert (found.name, len(found.steps)) == (plain.violation.name, len(plain.violation.steps))
    assert found.task == found.steps[-1][0]
    truth = checker.machine.predicates(0, state, 1)
    assert not truth >> checker.always.index(found.broken) & 1


def test_tasks_that_can_be_told_apart_are_explored_one_by_one(checker: Checker) -> None:
    plain, reduced = explored(checker, "signs", 0)

    assert reduced.outcome.stopped == ""
    assert reduced.outcome.states == plain.outcome.states
    assert reduced.ends == plain.ends


def test_tasks_with_programs_of_their_own_are_not_interchangeable() -> None:
    checker = Checker(SCENARIO, [Target(ROWS[0].kernel)], Options())

    for case in SCENARIO.cases:
        if case.applies(ROWS[0].kernel):
            assert checker.search(case, 0).symmetry is None
