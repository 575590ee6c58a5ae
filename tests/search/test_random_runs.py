"""Random schedules: the same for the same seed, real, and able to find what is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mmspec.checker import Checker, Target
from mmspec.compiler.conventions import FAILED
from mmspec.compiler.system import System
from mmspec.lang.context import ModelError
from mmspec.scenarios.seed import ROWS, SCENARIO
from mmspec.search.bfs import Search
from mmspec.search.random_runs import RunsOutcome, runs
from mmspec.search.reference import explore_compiled
from mmspec.search.schedules import blocks, replay, switches
from tests.models import races

Task = Callable[[], None]
WAYS = pytest.mark.parametrize("depth", [None, 1, 3], ids=["random", "pct1", "pct3"])


@functools.cache
def compiled(*tasks: Task, groups: tuple[Any, ...] = (), merged: bool = True) -> System:
    return System(list(dict.fromkeys(tasks)), merged=merged, groups=[[p] for p in groups])


def sample(*tasks: Task, groups: tuple[Any, ...] = (), **how: Any) -> RunsOutcome:
    system = compiled(*tasks, groups=groups)
    initial, _ = system.initial([], tasks)
    return runs(system, initial, **how)


def test_the_same_seed_gives_the_same_runs() -> None:
    first, again, other = (
        replace(sample(races.publish_early, races.consume, seed=seed, runs=900), seconds=0)
        for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


@WAYS
def test_an_assertion_that_can_fail_does(depth: int | None) -> None:
    out = sample(races.publish_early, races.consume, runs=200, seed=5, depth=depth)

    if depth == 1:
        assert out.found is None  # takes a switch between the two stores
        return
    assert out.stopped == "violation"
    assert out.found is not None
    assert out.found.kind == "fault"
    assert out.found.task == 1
    assert switches(out.found.steps) == 1


@WAYS
def test_the_schedule_is_real(depth: int | None) -> None:
    system = compiled(races.left_right, races.right_left)
    initial, _ = system.initial([], [races.left_right, races.right_left])

    found = runs(system, initial, depth=depth, runs=500).found

    if depth == 1:
        assert found is None
        return
    assert found is not None
    assert found.kind == "deadlock"
    for steps in (found.steps, found.original):
        _, state = replay(system, initial, steps)
        assert system.successors(state) == []
        assert [system.task(state, n).finished for n in (0, 1)] == [False, False]


@WAYS
def test_nothing_is_found_where_nothing_is_wrong(depth: int | None) -> None:
    out = sample(races.publish, races.consume, runs=300, depth=depth)

    assert out.stopped == ""
    assert out.found is None
    assert out.runs == 300
    assert out.unfinished == 0


def test_invariants_are_looked_at_after_each_step() -> None:
    groups = (races.is_small, races.no_update_is_lost)

    out = sample(races.publish, races.consume, groups=groups, invariants=0, required=1)

    assert out.found is not None
    assert (out.found.kind, out.found.detail) == ("invariant", 1)
    assert out.found.steps == ((0, 0),)


def test_what_must_hold_at_the_end_is_looked_at_there() -> None:
    groups = (races.is_small, races.no_update_is_lost)

    out = sample(races.racy_add, races.racy_add, groups=groups, finals=1, final_mask=1)

    assert out.found is not None
    assert (out.found.kind, out.found.detail) == ("final", 1)
    assert switches(out.found.steps) == 2
    assert len(blocks(out.found.steps)) == 3


def test_the_caller_may_object_to_final_states() -> None:
    seen = []

    def objects(state: bytes) -> bool:
        seen.append(state)
        return len(seen) > 1

    out = sample(races.racy_add, races.racy_add, objects=objects, shorten=False)

    assert out.found is not None
    assert (out.found.kind, out.found.state) == ("end", seen[-1])
    assert out.found.steps == out.found.original
    assert len(seen) == 2


@pytest.mark.parametrize("depth", [None, 4], ids=["random", "pct4"])
def test_all_final_states_of_a_small_system_are_reached(depth: int | None) -> None:
    tasks = [races.racy_add, races.racy_add, races.publish, races.locks_long]
    system = compiled(*tasks)
    initial, _ = system.initial([], tasks)
    states, _ = explore_compiled(system, initial)
    found: set[bytes] = set()

    out = runs(system, initial, runs=4000, depth=depth, objects=lambda s: found.add(s) or False)

    assert found == {state for state in states if not system.successors(state)}
    assert out.ends == len(found) > 4


def test_every_alternative_of_a_choice_is_taken() -> None:
    out = sample(races.guesses, runs=1000, seed=3)

    assert out.found is not None
    assert out.found.kind == "fault"
    assert [choice for _, choice in out.found.steps if choice] == [3, 5]


def test_a_step_that_blocks_changes_nothing() -> None:
    """What goes before a lock in one step is not done until the lock is free."""
    tasks = [races.hits_and_locks, races.locks_long, races.hits_and_locks]
    system = compiled(*tasks)
    initial, _ = system.initial([], tasks)
    ends = []

    out = runs(system, initial, runs=200, objects=lambda state: bool(ends.append(state)))
    search = Search(system, initial)
    outcome = search.run()

    assert (out.ends, outcome.stopped, search.end_count) == (1, "", 1)
    assert ends == [search.store.state_bytes(search.ends()[0])]
    search.close()


def test_runs_that_do_not_end_are_given_up() -> None:
    out = sample(races.publish, races.consume, runs=10, limit=2)
    stuck = sample(races.waits, races.publish, runs=10, deadlock=False)

    assert (out.unfinished, out.ends) == (10, 0)
    assert (stuck.unfinished, stuck.stopped) == (10, "")


def test_time_may_run_out() -> None:
    heard: list[int] = []

    out = sample(
        races.publish,
        races.consume,
        runs=100_000_000,
        seconds=0.2,
        watch=lambda progress: heard.append(progress.runs),
    )

    assert out.stopped == "time"
    assert out.found is None
    assert heard == sorted(heard)
    assert 0 < heard[-1] <= out.runs


def test_too_many_tasks_are_refused() -> None:
    with pytest.raises(ModelError, match="64 tasks are too many"):
        sample(*[races.publish] * 64)


def test_a_schedule_that_is_not_possible_is_refused() -> None:
    system = compiled(races.publish, races.consume)
    initial, _ = system.initial([], [races.publish, races.consume])

    with pytest.raises(ValueError, match="step 2: task 0 cannot go on"):
        replay(system, initial, [(0, 0)] * 3)


# ------------------------------------------------------------------------- the real thing


@pytest.fixture(scope="module")
def checker() -> Checker:
    kernels = {row.name: row.kernel for row in ROWS}
    return Checker(SCENARIO, [Target(kernels[name]) for name in ("V-A", "V-A with the patch")])


def seed_runs(checker: Checker, name: str, kernel: int, **how: Any) -> RunsOutcome:
    initial = checker.initial(SCENARIO.case(name), kernel)
    return runs(
        checker.machine,
        initial,
        kernel,
        invariants=0,
        required=(1 << len(checker.always)) - 1,
        finals=1,
        final_mask=(1 << len(checker.at_rest)) - 1,
        **how,
    )


@pytest.mark.parametrize("name", ["huge/bind/write", "both/bind/zap", "both/bind/inherit"])
def test_the_bug_of_the_first_scenario_is_found(checker: Checker, name: str) -> None:
    out = seed_runs(checker, name, 0, runs=500, depth=3)

    assert out.found is not None
    initial = checker.initial(SCENARIO.case(name), 0)
    _, state = replay(checker.machine, initial, out.found.steps)
    assert state == out.found.state
    truth = checker.machine.predicates(0, state, 0)
    failed = checker.machine.program_counter(state, out.found.task) == FAILED
    assert failed if out.found.kind == "fault" else truth & out.found.detail == 0
    assert switches(out.found.steps) <= switches(out.found.original)


@WAYS
@pytest.mark.parametrize("name", ["huge/bind/write", "both/bind/zap"])
def test_the_kernel_with_the_patch_passes(checker: Checker, name: str, depth: int | None) -> None:
    out = seed_runs(checker, name, 1, runs=300, depth=depth)

    assert (out.stopped, out.found, out.runs, out.unfinished) == ("", None, 300, 0)


def test_schedules_are_cut_where_the_task_changes() -> None:
    steps: Sequence[tuple[int, int]] = [(0, 0), (0, 1), (1, 0), (0, 0)]

    assert blocks(steps) == [((0, 0), (0, 1)), ((1, 0),), ((0, 0),)]
    assert switches(steps) == 2
