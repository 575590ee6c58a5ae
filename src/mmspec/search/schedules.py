"""Schedules: which task takes each step, and which of its alternatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmspec.compiler.machine import Machine, Step

Schedule = tuple[Step, ...]


def replay(
    system: Machine, initial: bytes, steps: Sequence[Step], kernel: int = 0
) -> tuple[int, bytes]:
    """Take steps one by one: what the last one returned, and the state after it.

    ValueError if one of them is not possible.
    """
    state, result = initial, 0
    for number, (task, choice) in enumerate(steps):
        result, after = system.step(state, task, choice, kernel)
        if not result:
            raise ValueError(f"step {number}: task {task} cannot go on")
        state = after
    return result, state


def switches(steps: Sequence[Step]) -> int:
    """How often a step is taken by another task than the one before."""
    return sum(a[0] != b[0] for a, b in zip(steps, steps[1:], strict=False))


def blocks(steps: Sequence[Step]) -> list[Schedule]:
    """A schedule cut where the task changes."""
    found: list[list[Step]] = []
    for step in steps:
        if not found or found[-1][-1][0] != step[0]:
            found.append([])
        found[-1].append(step)
    return [tuple(block) for block in found]


def shortened(
    steps: Sequence[Step], attempt: Callable[[Schedule], Schedule | None], attempts: int = 4000
) -> Schedule:
    """The same violation with fewer changes of the running task, then with fewer steps.

    attempt: follows a schedule as far as it can be followed, lets the tasks finish one after the
    other, and returns the steps taken if that led to the same violation. Greedy: what is tried is
    to leave out the end, or a stretch of one task, or to put two stretches of a task together.
    """
    best = tuple(steps)
    left = attempts
    improved = True
    while improved:
        improved = False
        for candidate in _candidates(best):
            if left == 0:
                return best
            left -= 1
            found = attempt(candidate)
            if found is not None and _measure(found) < _measure(best):
                best = found
                improved = True
                break
    return best


def _measure(steps: Schedule) -> tuple[int, int]:
    return switches(steps), len(steps)


def _candidates(steps: Schedule) -> list[Schedule]:
    parts = blocks(steps)
    n = len(parts)
    found = [parts[:k] for k in range(n)]
    found += [parts[:k] + parts[k + 1 :] for k in range(n)]
    for k in range(n):
        task = parts[k][0][0]
        later = next((j for j in range(k + 1, n) if parts[j][0][0] == task), None)
        if later is not None:
            rest = parts[k + 1 : later]
            found.append([*parts[:k], parts[k] + parts[later], *rest, *parts[later + 1 :]])
            found.append([*parts[:k], *rest, parts[k] + parts[later], *parts[later + 1 :]])
    return [tuple(step for part in made for step in part) for made in found]
