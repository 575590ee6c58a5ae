"""Native code, CPython and Spin execute the specification alike, to the last state."""

from __future__ import annotations

import dataclasses

import pytest

from mmspec.compiler.conventions import KernelView
from mmspec.kernels.releases import v4_13, v4_14
from mmspec.lang.context import reading
from mmspec.search import spin
from mmspec.search.spin import Explored
from tests.equality import by_cpython, by_spin, native
from tests.models.case import Case
from tests.spec import programs

needs_spin = pytest.mark.skipif(not spin.available(), reason="needs spin and gcc")

KERNELS = tuple(KernelView(kernel.changes) for kernel in (v4_13, v4_14))
V4_13, V4_14 = 0, 1
SIZES = {
    "order": 1,
    "frames": 8,
    "tasks": 2,
    "mms": 2,
    "vmas": 2,
    "anon_vmas": 2,
    "avcs": 3,
    "tables": 4,
    "migrate_passes": 1,
}

ZAP = Case(
    [programs.stores, programs.throws_away],
    (877, 1605),
    (405, 714),
    set_up=programs.base_page,
    sizes=SIZES,
    kernels=KERNELS,
)
GLANCE = Case(
    [programs.glances, programs.throws_away],
    (80, 118),
    (54, 79),
    set_up=programs.base_page,
    sizes=SIZES,
    kernels=KERNELS,
)
UNMAP_HUGE = Case(
    [programs.loads, programs.unmaps],
    (258, 383),
    (122, 180),
    set_up=programs.huge_page,
    sizes=SIZES,
    kernels=KERNELS,
)
COPY_ON_WRITE = Case(
    [programs.stores, programs.glances],
    (138, 205),
    (82, 121),
    set_up=programs.inherited_page,
    sizes=SIZES,
    kernels=KERNELS,
)
MIGRATE_HUGE = Case(
    [programs.glances, programs.binds],
    (508, 741),
    (333, 485),
    set_up=programs.huge_page,
    sizes=SIZES,
    kernels=KERNELS,
)
SPLIT = Case(
    [programs.glances, programs.splits],
    (646, 929),
    (451, 647),
    set_up=programs.huge_page,
    sizes=SIZES,
    kernels=KERNELS,
)
PIN = Case(
    [programs.pins, programs.throws_away],
    (2078, 3927),
    (991, 1839),
    set_up=programs.base_page,
    sizes={**SIZES, "pins": 1},
    kernels=KERNELS,
)
PIN_AND_FORK = Case(
    [programs.pins, programs.forks_again],
    (9398, 17835),
    (3844, 7116),
    set_up=programs.base_page,
    sizes={**SIZES, "tasks": 3, "mms": 3, "pins": 1},
    kernels=KERNELS,
)
READ_ZERO = Case(
    [programs.reads_and_shrinks, programs.throws_all_away],
    (1203, 2228),
    (403, 708),
    set_up=programs.huge_page,
    sizes={**SIZES, "use_zero_page": 1},
    kernels=KERNELS,
)
CASES = {
    "glance": GLANCE,
    "zap": ZAP,
    "unmap_huge": UNMAP_HUGE,
    "copy_on_write": COPY_ON_WRITE,
    "migrate_huge": MIGRATE_HUGE,
    "split": SPLIT,
    "pin": PIN,
    "pin_and_fork": PIN_AND_FORK,
    "read_zero": READ_ZERO,
}


def _on(name: str, kernel: int) -> Case:
    return dataclasses.replace(CASES[name], kernel=kernel)


def _params(*chosen: tuple[str, int, bool]) -> list[object]:
    return [
        pytest.param(
            _on(name, kernel),
            merged,
            id=f"{name}-{('v4.13', 'v4.14')[kernel]}-{'merged' if merged else 'full'}",
        )
        for name, kernel, merged in chosen
    ]


@pytest.mark.parametrize(
    ("case", "merged"),
    _params(
        ("glance", V4_14, False),
        ("glance", V4_14, True),
        ("zap", V4_13, False),
        ("zap", V4_14, True),
        ("unmap_huge", V4_13, True),
        ("unmap_huge", V4_14, False),
        ("copy_on_write", V4_13, False),
        ("copy_on_write", V4_13, True),
        ("copy_on_write", V4_14, False),
        ("copy_on_write", V4_14, True),
        ("migrate_huge", V4_14, False),
        ("migrate_huge", V4_14, True),
        ("split", V4_13, False),
        ("split", V4_14, True),
        ("pin", V4_14, True),
        ("read_zero", V4_14, True),
    ),
)
def test_cpython_and_native_code_reach_the_same_states(case: Case, merged: bool) -> None:
    with reading(case.config):
        run = native(case, merged)
        keys, transitions = by_cpython(case, run.system)

    assert run.counts == case.counts(merged)
    assert run.faults == frozenset()
    assert keys == run.keys
    assert (len(keys), transitions) == run.counts


def _counted_by_spin(case: Case, merged: bool) -> Explored:
    with reading(case.config):
        return by_spin(case, merged, "-DVECTORSZ=4096")


@needs_spin
@pytest.mark.parametrize(
    ("case", "merged"), _params(("glance", V4_14, False), ("split", V4_13, False))
)
def test_spin_stores_the_same_states_and_takes_the_same_transitions(
    case: Case, merged: bool
) -> None:
    # in full: spin takes more than ten minutes to read a model with merged steps
    found = _counted_by_spin(case, merged)

    assert found.errors == ()
    assert (found.states, found.transitions) == case.counts(merged)


@needs_spin
@pytest.mark.long
@pytest.mark.parametrize(
    ("case", "merged"),
    _params(("zap", V4_13, False), ("unmap_huge", V4_14, False), ("copy_on_write", V4_13, False)),
)
def test_spin_does_so_with_page_faults_too(case: Case, merged: bool) -> None:
    found = _counted_by_spin(case, merged)

    assert found.errors == ()
    assert (found.states, found.transitions) == case.counts(merged)
