"""Cases of scenarios executed by CPython: one task after the other, or as dice fall."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from mmspec.kernels import WATCHED, Kernel
from mmspec.lang.program import discover
from mmspec.lang.world import World
from mmspec.scenarios import NAMES, Case, Scenario, scenario_named


def cases(kernel: Kernel) -> Iterator[tuple[Scenario, Case]]:
    """Every case of every scenario that makes sense on a kernel."""
    for name in NAMES:
        scenario = scenario_named(name)
        for case in scenario.cases:
            if case.applies(kernel):
                yield scenario, case


@contextmanager
def world_of(scenario: Scenario, case: Case, kernel: Kernel) -> Iterator[World]:
    """A machine of CPython's for a case, switched off."""
    world = World(
        discover([case.set_up, *case.tasks]),
        scenario.config,
        kernel.changes | {WATCHED},
        merged=True,
    )
    with world.active():
        yield world


def execute(world: World, case: Case, seed: int) -> None:
    """The set-up, then the tasks: with seed 0 one after the other, else in random order.

    Kernels as released have faults: one ends the execution.
    """
    world.run_alone(0, case.set_up)
    world.start(case.tasks)
    dice = random.Random(seed)
    waiting = [task.number for task in world.tasks]
    while waiting:
        number = dice.choice(waiting) if seed else waiting[0]
        task = world.tasks[number]
        if not world.step(number):
            waiting.remove(number)
            continue
        if task.error is not None:
            return
        # somebody may have been waiting for this
        waiting = [other.number for other in world.tasks if not other.finished]
    assert all(task.finished for task in world.tasks), f"{case.name}: nothing can go on"
