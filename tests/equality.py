"""Three searches of one case: native steps, CPython, Spin; and what they have to agree on."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from mmspec.compiler.promela import export
from mmspec.compiler.system import System
from mmspec.search.reference import Key, Reference, compiled_key, explore_compiled
from mmspec.search.spin import Explored, explore
from tests.models.case import Case, Counts

MODELS = (
    "integers",
    "memory",
    "control",
    "calls",
    "expressions",
    "locking",
    "roles",
    "kernels",
    "counters",
    "sizes",
)

#: A quick compilation: these searches are small.
OPTIONS = ("-O0", "-DSAFETY", "-DNOREDUCE", "-DNOFAIR")


@functools.cache
def cases() -> tuple[Case, ...]:
    """All cases of all models."""
    modules = (importlib.import_module(f"tests.models.{name}") for name in MODELS)
    return tuple(case for module in modules for case in module.CASES)


@dataclass(frozen=True)
class Native:
    """All states that native steps reach. ends: shared memory where nothing can happen any more.

    keys: the states in the terms of the reference. faults: kinds of violation.
    """

    system: System
    initial: bytes
    states: frozenset[bytes]
    transitions: int
    keys: frozenset[Key]
    ends: frozenset[bytes]
    faults: frozenset[str]

    @property
    def counts(self) -> Counts:
        """States and transitions."""
        return len(self.states), self.transitions


def system_of(case: Case, merged: bool) -> System:
    """The compiled system."""
    entries = [fn for _, fn in case.phases] + list(case.tasks)
    return System(entries, case.config, case.kernels, merged=merged)


def native(case: Case, merged: bool) -> Native:
    """Search by native steps."""
    system = system_of(case, merged)
    initial, _ = system.initial(case.phases, case.tasks, case.kernel)
    states, transitions = explore_compiled(system, initial, case.kernel)
    tasks = range(len(case.tasks))
    faults = (system.task(state, n, case.kernel).fault for state in states for n in tasks)
    ends = (s[: system.shared_size] for s in states if not system.successors(s, case.kernel))
    return Native(
        system,
        initial,
        frozenset(states),
        transitions,
        frozenset(compiled_key(system, state, case.kernel) for state in states),
        frozenset(ends),
        frozenset(fault.kind for fault in faults if fault is not None),
    )


def by_cpython(case: Case, system: System) -> tuple[frozenset[Key], int]:
    """Search by executing the functions themselves."""
    found = Reference(system, case.phases, case.tasks, case.kernel).explore()
    return frozenset(found.states), found.transitions


def by_spin(case: Case, merged: bool, *options: str) -> Explored:
    """Search by Spin. options: more of them for the C compiler."""
    system = system_of(case, merged)
    initial, _ = system.initial(case.phases, case.tasks, case.kernel)
    return explore(export(system, initial, case.kernel), options=(*OPTIONS, *options))


def differences(case: Case) -> Iterator[str]:
    """In what the executions of a case disagree: the whole of it in one go, without Spin."""
    found = []
    for merged in case.modes:
        mode = "merged" if merged else "full"
        run = native(case, merged)
        found.append(run)
        if run.counts != case.counts(merged):
            yield f"{mode}: {run.counts}, recorded {case.counts(merged)}"
        if len(run.keys) != len(run.states):
            yield f"{mode}: {len(run.states)} states, but only {len(run.keys)} different ones"
        if run.faults != frozenset(case.faults):
            yield f"{mode}: violations {sorted(run.faults)}, recorded {sorted(case.faults)}"
        keys, transitions = by_cpython(case, run.system)
        if keys != run.keys:
            one = next(iter(keys ^ run.keys))
            yield f"{mode}: {'only' if one in keys else 'not'} in CPython: {one}"
        if transitions != run.transitions:
            yield f"{mode}: {run.transitions} transitions, {transitions} in CPython"
    first, last = found[0], found[-1]
    if first.ends != last.ends and "data race" not in first.faults:
        yield f"{len(first.ends)} ends, {len(last.ends)} merged"
