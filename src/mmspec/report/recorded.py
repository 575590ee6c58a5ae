"""An execution that also notes, after each step, who holds which lock and who waits for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmspec.lang.structs import Struct
from mmspec.lang.world import Task, World
from mmspec.report.execution import Execution, StepTaken


@dataclass(frozen=True)
class Standing:
    """What a task has between two steps.

    held: locks by their numbers, with whether they are shared. waits: whether it cannot go on.
    wanted: what it waits for, by number. does: the step it is about to take.
    """

    held: tuple[tuple[int, bool], ...] = ()
    waits: bool = False
    wanted: tuple[int, ...] = ()
    does: str = ""


class Recorded(Execution):
    """standings: those of all tasks, after each step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.standings: list[tuple[Standing, ...]] = []

    def step(self, task: int, choice: int = 0) -> StepTaken:
        """Take a step, and look at all tasks."""
        made = super().step(task, choice)
        self.standings.append(tuple(_standing(self.world, each) for each in self.world.tasks))
        return made


def _standing(world: World, task: Task) -> Standing:
    held = tuple(sorted(task.held.items()))
    ready, arguments = _at(task)
    if ready is None or task.finished:
        return Standing(held)
    wanted = tuple(world.lock_number(arg) for arg in arguments if isinstance(arg, Struct))
    return Standing(held, not _asked(world, task, ready), wanted, task.stop[1] or "wait_until")


def _at(task: Task) -> tuple[Any, tuple[object, ...]]:
    """The condition that a task has stopped before, if any, and the step's arguments."""
    frame = task.greenlet.gr_frame if task.greenlet is not None else None
    ready, arguments = None, ()
    while frame is not None:
        if frame.f_code is World._guarded_point.__code__:
            ready = frame.f_locals.get("ready")
        elif frame.f_code is World.atomic_step.__code__:
            arguments = tuple(frame.f_locals.get("args") or ())
            break
        frame = frame.f_back
    return ready, arguments


def _asked(world: World, task: Task, ready: Any) -> bool:
    """Evaluate the condition as the task would, unseen."""
    watch, running, unchecked = world.watch, world.running, world.unchecked
    world.watch, world.running, world.unchecked = None, task, True
    try:
        return bool(ready())
    finally:
        world.watch, world.running, world.unchecked = watch, running, unchecked
