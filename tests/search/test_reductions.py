"""What makes searches fast does not change what they find.

The fast search is compared with one that steps through sets of whole states, on every micro-model
and on random programs: with steps merged or not, with and without memory of steps, with several
workers, and with interchangeable tasks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from benchmarks import protocol
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mmspec.compiler.errors import CompileError
from mmspec.compiler.system import SetUpFailed, System
from mmspec.lang import Config
from mmspec.search.bfs import Search, Workspace
from mmspec.search.random_runs import runs
from mmspec.search.reference import Reference, compiled_key, explore_compiled
from mmspec.search.schedules import replay
from mmspec.search.symmetry import interchangeable
from tests.equality import Native, cases, native
from tests.models import races, twins
from tests.models.case import Case
from tests.modules import load_module
from tests.programs import Draw, Program

MODES = pytest.mark.parametrize("merged", [False, True], ids=["full", "merged"])
WAYS: list[dict[str, Any]] = [{}, {"memo": False}, {"workers": 2}]


@dataclass(frozen=True)
class Found:
    """What a search found. ends: states in which nothing can happen any more."""

    states: int
    transitions: int
    faults: frozenset[str]
    ends: frozenset[bytes]


def simple(system: System, initial: bytes, kernel: int = 0, limit: int = 200_000) -> Found:
    """By sets of whole states."""
    states, transitions = explore_compiled(system, initial, kernel, limit)
    faults = (system.task(s, n, kernel).fault for s in states for n in range(system.tasks_of(s)))
    ends = frozenset(s for s in states if not system.successors(s, kernel))
    kinds = frozenset(fault.kind for fault in faults if fault is not None)
    return Found(len(states), transitions, kinds, ends)


def of_native(run: Native, kernel: int) -> Found:
    ends = frozenset(s for s in run.states if not run.system.successors(s, kernel))
    return Found(len(run.states), run.transitions, run.faults, ends)


def fast(system: System, initial: bytes, kernel: int = 0, **how: Any) -> Found:
    """By the search under test."""
    search = Search(system, initial, kernel, stop_at_violation=False, **how)
    outcome = search.run()
    assert outcome.stopped == ""
    views = (system.record(record, kernel) for record in search.records())
    kinds = frozenset(view.fault.kind for view in views if view.fault is not None)
    states = (search.store.state_bytes(k) for k in range(outcome.states))
    ends = frozenset(s for s in states if not system.successors(s, kernel))
    for finding in outcome.findings:
        result, after = replay(system, initial, search.schedule(finding), kernel)
        assert finding.kind == ("fault" if result & 4 else "deadlock")
        assert finding.kind == "fault" or after in ends
    search.close()
    return Found(outcome.states, outcome.transitions, kinds, ends)


def _params() -> list[Any]:
    return [
        pytest.param(case, merged, id=f"{case}-{'merged' if merged else 'full'}")
        for case in cases()
        for merged in case.modes
        if case.counts(merged)[0] < 3000
    ]


@pytest.mark.parametrize(("case", "merged"), _params())
def test_the_fast_search_finds_what_the_simple_one_finds(case: Case, merged: bool) -> None:
    run = native(case, merged)
    wanted = of_native(run, case.kernel)

    for how in WAYS:
        assert fast(run.system, run.initial, case.kernel, **how) == wanted

    reduced = interchangeable(run.system, run.initial)
    if reduced is not None:
        search = Search(
            run.system, run.initial, case.kernel, stop_at_violation=False, symmetry=reduced
        )
        if search.run().stopped != "asymmetry":
            kept = {search.store.state_bytes(k) for k in range(search.outcome.states)}
            kinds = {reduced.canonical(run.system, state) for state in run.states}
            assert {reduced.canonical(run.system, state) for state in kept} == kinds
            assert len(kept) == len(kinds)
        search.close()


# ------------------------------------------------------------------------- random programs

COMMON = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    database=None,
)


@st.composite
def programs(draw: st.DrawFn, size: int) -> str:
    number: Draw = lambda n: draw(st.integers(0, n - 1))  # noqa: E731
    return Program(number, size).text()


def compare(text: str, directory: Path, limit: int = 2000) -> None:
    """All ways to search a random program, in which one task runs twice."""
    module = load_module(directory / "program.py", text)
    tasks = [module.task0, module.task1, module.task0]
    memories = []
    for merged in (False, True):
        try:
            system = System([module.start, *tasks], merged=merged)
            initial, _ = system.initial([(0, module.start)], tasks)
            wanted = simple(system, initial, limit=limit)
        except (CompileError, SetUpFailed, RuntimeError):
            return
        for how in WAYS:
            assert fast(system, initial, **how) == wanted
        _compare_symmetric(system, initial, wanted)
        _compare_runs(system, initial, wanted)
        stuck = {state[: system.shared_size] for state in wanted.ends}
        memories.append((wanted.faults, stuck if "data race" not in wanted.faults else None))
    assert memories[0] == memories[1]


def _compare_symmetric(system: System, initial: bytes, wanted: Found) -> None:
    symmetry = interchangeable(system, initial)
    if symmetry is None:
        return
    search = Search(system, initial, stop_at_violation=False, symmetry=symmetry)
    outcome = search.run()
    assert outcome.stopped in ("", "asymmetry")
    if not outcome.stopped:
        assert outcome.states <= wanted.states
        ends = {s for k in range(outcome.states) for s in search.variants(k)}
        assert {s for s in ends if not system.successors(s)} == wanted.ends
        for finding in outcome.findings:
            replay(system, initial, search.schedule(finding))
    search.close()


def _compare_runs(system: System, initial: bytes, wanted: Found) -> None:
    """Random runs end where searches do."""
    ends: set[bytes] = set()
    for depth in (None, 2):
        out = runs(
            system, initial, runs=40, depth=depth, objects=lambda state: ends.add(state) or False
        )
        if out.found is not None:
            if out.found.kind == "fault":
                kind = system.failure(out.found.state, out.found.task).kind
                assert kind in wanted.faults
            else:
                assert out.found.state in wanted.ends
    assert ends <= wanted.ends


@settings(COMMON, max_examples=40, derandomize=True)
@given(text=programs(4))
def test_all_searches_of_random_programs_agree(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(text, tmp_path_factory.mktemp("program"))


@pytest.mark.slow
@settings(COMMON, max_examples=200)
@given(text=programs(7))
def test_all_searches_of_larger_random_programs_agree(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(text, tmp_path_factory.mktemp("program"), 20_000)


# ---------------------------------------------------------------------- tables that grow


@functools.cache
def protocol_system(merged: bool) -> tuple[System, bytes]:
    (subpages, mms, zappers, operations), _ = protocol.CONFIGURATIONS["A"]
    tasks = [protocol.splitter, protocol.migrator] + [protocol.zapper] * zappers
    config = Config.of(protocol_subpages=subpages, protocol_mms=mms, protocol_ops=operations)
    system = System([protocol.set_up, *tasks], config, merged=merged)
    return system, system.initial([(0, protocol.set_up)], tasks)[0]


@MODES
@pytest.mark.parametrize("how", [{}, {"memo": False}, {"workers": 2}, {"workers": 3}], ids=str)
def test_numbers_of_a_larger_model_are_those_of_spin(
    merged: bool, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmspec.search.bfs.WIDE", 64)
    system, initial = protocol_system(merged)

    search = Search(system, initial, **how)
    outcome = search.run()
    ends = frozenset(search.store.state_bytes(k) for k in search.ends())
    search.close()

    counts = protocol.CONFIGURATIONS["A"][1]
    assert (outcome.states, outcome.transitions) == ((121_478, 356_456) if merged else counts)
    assert ends == protocol_ends(merged)


@functools.cache
def protocol_ends(merged: bool) -> frozenset[bytes]:
    system, initial = protocol_system(merged)
    search = Search(system, initial)
    search.run()
    ends = frozenset(search.store.state_bytes(k) for k in search.ends())
    search.close()
    return ends


def test_a_workspace_forgets_the_searches_before() -> None:
    """Same numbers again, also after another model and with symmetry."""
    tasks = [twins.flushes] * 3
    system = System([twins.flushes, twins.picks])
    other = system.initial([], [twins.picks] * 3)[0]
    initial = system.initial([], tasks)[0]
    symmetry = interchangeable(system, initial, ("Local",))
    assert symmetry == interchangeable(system, other, ("Local",))
    for reduced in (None, symmetry):
        space = Workspace(system, 3, symmetry=reduced)
        counts = []
        for state in (initial, other, initial, other):
            outcome = Search(system, state, workspace=space).run()
            counts.append((outcome.states, outcome.transitions, outcome.stopped))
        space.close()

        assert counts[:2] == counts[2:]
        assert counts[0] != counts[1]


def test_merging_keeps_final_memory_and_needs_fewer_states() -> None:
    tasks = [races.locks_long, races.shows, races.hits_and_locks, races.racy_add]
    found = []
    for merged in (False, True):
        system = System(tasks, merged=merged)
        initial, _ = system.initial([], tasks)
        explored = fast(system, initial)
        memory = {state[: system.shared_size] for state in explored.ends}
        found.append((explored.states, explored.faults, memory))

    assert found[0][1:] == found[1][1:]
    assert (found[0][0], found[1][0]) == STATES


STATES = (156, 48)


# -------------------------------------------------------------------------------- zeroing


def test_without_zeroing_there_are_more_states_but_no_others() -> None:
    more = 0
    for case in cases():
        for merged in case.modes:
            if case.counts(merged)[0] > 1000:
                continue
            entries = [fn for _, fn in case.phases] + list(case.tasks)
            system = System(entries, case.config, case.kernels, merged=merged, zeroing=False)
            initial, _ = system.initial(case.phases, case.tasks, case.kernel)
            states, _ = explore_compiled(system, initial, case.kernel)
            keys = frozenset(compiled_key(system, state, case.kernel) for state in states)

            assert keys == native(case, merged).keys
            more += len(states) > len(keys)
    assert more > 10


# ----------------------------------------------------------------------------- data races


@MODES
def test_a_data_race_is_found_by_native_code_and_by_cpython(merged: bool) -> None:
    tasks: list[Callable[[], None]] = [races.shows, races.shows_unlocked]
    system = System(tasks, merged=merged)
    initial, _ = system.initial([], tasks)

    search = Search(system, initial)
    outcome = search.run()
    keys = Reference(system, [], tasks).explore().states

    assert outcome.stopped == "violation"
    steps = search.schedule(outcome.findings[0])
    _, state = replay(system, initial, steps)
    task = steps[-1][0]
    failure = system.failure(state, task)
    assert (failure.kind, failure.function) == ("data race", "shows_unlocked")
    assert ("error", "data race", "shows_unlocked", failure.line) in {
        k for key in keys for k in key
    }
    search.close()


@MODES
def test_both_stacks_of_a_data_race_can_be_told(merged: bool) -> None:
    """Who breaks the rule, and who has the lock meanwhile."""
    tasks: list[Callable[[], None]] = [races.shows, races.shows_unlocked]
    system = System(tasks, merged=merged)
    initial, _ = system.initial([], tasks)

    search = Search(system, initial, stop_at_violation=False)
    search.run()
    stories = set()
    for finding in search.outcome.findings:
        steps = search.schedule(finding)
        _, before = replay(system, initial, steps[:-1])
        views = [system.task(before, n) for n in (0, 1)]
        stacks = tuple(tuple(f.function.display for f in view.frames) for view in views)
        stories.add((stacks, tuple(repr(lock) for lock, _ in views[0].held)))
    search.close()

    assert (((), ("shows_unlocked",)), ()) in stories
    if not merged:
        # merged, what happens under the lock is one step
        assert ((("shows",), ("shows_unlocked",)), ("spinlock0",)) in stories
