"""Random programs: native code, CPython and Spin reach the same states."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mmspec.compiler.errors import CompileError
from mmspec.compiler.promela import export
from mmspec.compiler.system import SetUpFailed, System
from mmspec.search import spin
from mmspec.search.reference import Reference, compiled_key, explore_compiled
from tests.equality import OPTIONS
from tests.modules import load_module
from tests.programs import Draw, Program

MOST = 400
COMMON = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    database=None,
)
needs_spin = pytest.mark.skipif(not spin.available(), reason="needs spin and gcc")


@st.composite
def programs(draw: st.DrawFn, size: int) -> str:
    """Texts of modules."""
    number: Draw = lambda n: draw(st.integers(0, n - 1))  # noqa: E731
    return Program(number, size).text()


def compare(text: str, directory: Path, with_spin: bool = False) -> None:
    """All executions of a program, with and without merging; small ones only."""
    module = load_module(directory / "program.py", text)
    tasks = [module.task0, module.task1]
    set_up = [(0, module.start)]
    ends = []
    for merged in (False, True):
        try:
            system = System([module.start, *tasks], merged=merged)
            initial, _ = system.initial(set_up, tasks)
            states, transitions = explore_compiled(system, initial, limit=MOST)
        except (CompileError, SetUpFailed, RuntimeError):
            return
        keys = {compiled_key(system, state) for state in states}
        found = Reference(system, set_up, tasks).explore()
        assert keys == found.states
        assert transitions == found.transitions
        assert len(keys) == len(states)
        if with_spin:
            counted = spin.explore(export(system, initial), options=OPTIONS)
            assert (counted.states, counted.transitions) == (len(states), transitions)
        faults = {system.task(state, n).fault for state in states for n in (0, 1)}
        kinds = {fault.kind for fault in faults if fault is not None}
        stuck = {s[: system.shared_size] for s in states if not system.successors(s)}
        ends.append((kinds, stuck if "data race" not in kinds else None))
    assert ends[0] == ends[1]


@settings(COMMON, max_examples=40, derandomize=True)
@given(text=programs(4))
def test_random_programs_mean_the_same_in_cpython(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(text, tmp_path_factory.mktemp("program"))


@pytest.mark.slow
@settings(COMMON, max_examples=150)
@given(text=programs(8))
def test_larger_random_programs_mean_the_same_in_cpython(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(text, tmp_path_factory.mktemp("program"))


@needs_spin
@pytest.mark.slow
@settings(COMMON, max_examples=12)
@given(text=programs(6))
def test_random_programs_mean_the_same_to_spin(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare(text, tmp_path_factory.mktemp("program"), with_spin=True)
