"""Spin stores exactly our states and takes exactly our transitions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from benchmarks import protocol

from mmspec.compiler.promela import PromelaError, export
from mmspec.compiler.system import System
from mmspec.lang import Config
from mmspec.search import spin
from mmspec.search.reference import explore_compiled
from tests.equality import OPTIONS, cases, system_of
from tests.models import calls, expressions, integers, locking
from tests.models.case import Case

needs_spin = pytest.mark.skipif(not spin.available(), reason="needs spin and gcc")
Run = tuple[Case, bool]

#: Those that also run when time is short.
FAST = ("locking-leaves_nested", "calls-walks", "control-chooses_and_picks", "kernels-takes")


def _name(case: Case, merged: bool) -> str:
    return f"{case}-{'merged' if merged else 'full'}"


def _params() -> list[object]:
    return [
        pytest.param(
            (case, merged),
            id=_name(case, merged),
            marks=[] if str(case).startswith(FAST) and not case.slow else [pytest.mark.slow],
        )
        for case in cases()
        if case.spin
        for merged in case.modes
    ]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[spin.Explored]]]:
    """The runs that were asked for, two at a time."""
    wanted: list[Run] = [
        item.callspec.params["run"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "runs" in item.fixturenames
    ]
    with ThreadPoolExecutor(2) as pool:
        found = {}
        for case, merged in wanted:
            system = system_of(case, merged)
            initial, _ = system.initial(case.phases, case.tasks, case.kernel)
            model = export(system, initial, case.kernel)
            found[_name(case, merged)] = pool.submit(spin.explore, model, options=OPTIONS)
        yield found


@needs_spin
@pytest.mark.parametrize("run", _params())
def test_spin_counts_our_states_and_transitions(
    run: Run, runs: dict[str, Future[spin.Explored]]
) -> None:
    case, merged = run

    found = runs[_name(*run)].result()

    assert (found.states, found.transitions) == case.counts(merged)
    assert found.errors == ()


def _model(case: Case, assertions: bool = False) -> str:
    system = system_of(case, False)
    initial, _ = system.initial(case.phases, case.tasks, case.kernel)
    return export(system, initial, case.kernel, assertions=assertions)


@needs_spin
def test_violations_are_errors_if_asked_for() -> None:
    case = Case([expressions.bugs, expressions.interferes], set_up=expressions.link)

    found = spin.explore(_model(case, assertions=True), options=OPTIONS)

    assert len(found.errors) == 1
    assert found.errors[0].startswith("assertion violated")


@needs_spin
def test_what_does_not_fit_32_bits_stops_spin() -> None:
    case = Case([integers.overflow_u32], set_up=integers.set_ones)

    found = spin.explore(_model(case), options=OPTIONS)

    assert len(found.errors) == 1


def test_initial_values_beyond_32_bits_are_refused() -> None:
    case = Case([integers.read_wide], set_up=integers.set_widest)

    with pytest.raises(PromelaError, match="Words_u8 is 9223372036854775807"):
        _model(case)


@needs_spin
def test_state_vectors_may_be_large_and_searches_deep(tmp_path: Path) -> None:
    wide = "int x[400]; active proctype t() { x[399] = 1; x[0] = x[399] }"
    deep = "short n; active proctype t() { end: do :: d_step { n < 30000 -> n++ } od }"

    large = spin.explore(wide, options=OPTIONS, directory=tmp_path)
    long = spin.explore(deep, options=OPTIONS, depth=100)

    assert large.vector > 1600
    assert (tmp_path / "model.pml").exists()
    assert long.states == 30001
    assert set(long.cpu) == {"spin", "gcc", "pan"}


@needs_spin
def test_a_model_that_spin_does_not_accept_is_reported() -> None:
    with pytest.raises(spin.SpinError, match="spin does not accept the model"):
        spin.explore("active proctype t() { x = 1 }")


def test_a_missing_tool_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(spin.SpinError, match="spin is not installed; on Debian: apt install"):
        spin.explore("")


@needs_spin
def test_any_state_can_be_exported_not_only_initial_ones() -> None:
    """What can be reached from a state in the middle, with locks held and frames active."""
    case = Case([locking.returns_early, locking.calls], set_up=locking.prepare)
    system = system_of(case, False)
    state, _ = system.initial(case.phases, case.tasks)
    for task in (0, 0, 0, 1, 0):
        state = next((s for t, _, s in system.successors(state) if t == task), state)

    found = spin.explore(export(system, state), options=OPTIONS)

    assert (found.states, found.transitions) == _from(system, state)


@needs_spin
def test_structs_on_stacks_are_exported_in_the_middle() -> None:
    case = Case([calls.two_structs, calls.pointers])
    system = system_of(case, False)
    state, _ = system.initial(case.phases, case.tasks)
    for task in [0, 1] * 9:
        state = next((s for t, _, s in system.successors(state) if t == task), state)

    found = spin.explore(export(system, state), options=OPTIONS)

    assert (found.states, found.transitions) == _from(system, state)


def _from(system: System, state: bytes) -> tuple[int, int]:
    states, transitions = explore_compiled(system, state)
    return len(states), transitions


@needs_spin
@pytest.mark.slow
@pytest.mark.parametrize("merged", [False, True], ids=["full", "merged"])
def test_spin_counts_the_states_of_a_protocol(merged: bool) -> None:
    """A hundred thousand states, which C and Murphi programs count as well."""
    (subpages, mms, zappers, operations), counts = protocol.CONFIGURATIONS["A"]
    tasks = [protocol.splitter, protocol.migrator] + [protocol.zapper] * zappers
    config = Config.of(protocol_subpages=subpages, protocol_mms=mms, protocol_ops=operations)
    system = System([protocol.set_up, *tasks], config, merged=merged)
    initial, _ = system.initial([(0, protocol.set_up)], tasks)

    found = spin.explore(export(system, initial))

    assert (found.states, found.transitions) == ((121_478, 356_456) if merged else counts)
