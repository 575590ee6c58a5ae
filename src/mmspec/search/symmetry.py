"""Interchangeable tasks: states that differ in who is who are explored once.

Renaming tasks that run the same program exchanges their records and the parts of shared memory
that belong to their numbers. The search keeps one state of those that become each other that way.
That is right if a step of a renamed task does the same under the new names: if no number of a task
is kept in memory or in a record, and no loop over tasks depends on their order. It is not assumed:
see `engine.mirrored`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmspec.compiler.machine import Machine, Step
from mmspec.lang.context import ModelError

#: Renamings that each step is checked under, at most; and tasks that can be renamed.
MOST_RENAMINGS = 720
MOST_TASKS = 8

Renaming = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """What a struct keeps for each task: `size` bytes, for task `n` at `base` + `n` * `stride`."""

    base: int
    stride: int
    size: int

    def at(self, task: int) -> slice:
        """Where a task's part lies."""
        start = self.base + task * self.stride
        return slice(start, start + self.size)


@dataclass(frozen=True)
class Symmetry:
    """Which tasks are interchangeable. groups: of tasks, each running one program; own: what
    shared memory has for each task."""

    groups: tuple[tuple[int, ...], ...]
    own: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.members)) != len(self.members) or any(len(g) < 2 for g in self.groups):
            raise ModelError("groups of interchangeable tasks have two members, or more")
        if self.own and not _few([len(group) for group in self.groups]):
            raise ModelError(f"too many interchangeable tasks: {len(self.members)}")

    @cached_property
    def members(self) -> tuple[int, ...]:
        """All tasks that may be renamed."""
        return tuple(task for group in self.groups for task in group)

    def renamings(self) -> list[Renaming]:
        """All renamings but the identity: for each member the place of its image in `members`."""
        place = {task: k for k, task in enumerate(self.members)}
        choices = [itertools.permutations(group) for group in self.groups]
        found = []
        for images in itertools.product(*choices):
            flat = [task for group in images for task in group]
            found.append(tuple(place[task] for task in flat))
        return found[1:]

    def checks(self) -> list[Renaming]:
        """The renamings that steps have to be checked under.

        A step reads shared memory and one record: if no task has a part of shared memory, it
        suffices that each task becomes each other one.
        """
        if self.own:
            return self.renamings()
        found = []
        start = 0
        for group in self.groups:
            n = len(group)
            for shift in range(1, n):
                images = list(range(len(self.members)))
                images[start : start + n] = [start + (k + shift) % n for k in range(n)]
                found.append(tuple(images))
            start += n
        return found

    def renamed(self, machine: Machine, state: bytes, images: Renaming) -> bytes:
        """A state after renaming each member to its image."""
        out = bytearray(state)
        for k, task in enumerate(self.members):
            to = self.members[images[k]]
            for part in _places(machine, self.own):
                out[part.at(to)] = state[part.at(task)]
        return bytes(out)

    def renamed_steps(self, steps: Iterable[Step], images: Renaming) -> list[Step]:
        """The same steps under the new names."""
        to = {task: self.members[images[k]] for k, task in enumerate(self.members)}
        return [(to.get(task, task), choice) for task, choice in steps]

    def canonical(self, machine: Machine, state: bytes) -> bytes:
        """The same bytes for all states that become each other by renaming."""
        parts = _places(machine, self.own)
        out = bytearray(state)
        for group in self.groups:
            kept = sorted(tuple(state[part.at(task)] for part in parts) for task in group)
            for task, contents in zip(group, kept, strict=True):
                for part, content in zip(parts, contents, strict=True):
                    out[part.at(task)] = content
        return bytes(out)

    def orbit(self, machine: Machine, state: bytes) -> dict[bytes, Renaming]:
        """All states that a state becomes by renaming, and how."""
        found = {state: tuple(range(len(self.members)))}
        todo = [state]
        while todo:
            here = todo.pop()
            for swap in self._swaps():
                other = self.renamed(machine, here, swap)
                if other not in found:
                    found[other] = tuple(swap[n] for n in found[here])
                    todo.append(other)
        return found

    def _swaps(self) -> list[Renaming]:
        """Renamings that exchange neighbours; they generate all."""
        found = []
        start = 0
        for group in self.groups:
            for k in range(start, start + len(group) - 1):
                images = list(range(len(self.members)))
                images[k], images[k + 1] = k + 1, k
                found.append(tuple(images))
            start += len(group)
        return found


def _few(sizes: Sequence[int]) -> bool:
    """Whether all renamings of groups of these sizes can be checked."""
    order = math.prod(math.factorial(n) for n in sizes)
    return order <= MOST_RENAMINGS and sum(sizes) <= MOST_TASKS


def _places(machine: Machine, own: Sequence[Part]) -> tuple[Part, ...]:
    """All that a state has for each task: its record first."""
    return (Part(machine.shared_size, machine.record_size, machine.record_size), *own)


def parts_of(machine: Machine, structs: Sequence[str]) -> tuple[Part, ...]:
    """What shared memory has for each task: the structs with these names have one for each."""
    pools = machine.listing.pools
    if sum(count + 1 for count in pools.values()) != len(machine.boundaries):
        raise ModelError("two structs have the same name")
    found = []
    at = 0
    for name, count in pools.items():
        base, end = machine.boundaries[at], machine.boundaries[at + count]
        if name in structs and count:
            stride = (end - base) // count
            found.append(Part(base, stride, stride))
        at += count + 1
    return tuple(found)


def interchangeable(
    machine: Machine, initial: bytes, structs: Sequence[str] = ()
) -> Symmetry | None:
    """The tasks that can be exchanged in an initial state without changing it.

    structs: names of those that have one instance for each task.
    """
    own = parts_of(machine, structs)
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for task in range(machine.tasks_of(initial)):
        if machine.program_counter(initial, task):
            parts = tuple(initial[part.at(task)] for part in _places(machine, own))
            groups.setdefault(parts, []).append(task)
    found: list[tuple[int, ...]] = []
    for group in groups.values():
        # of too many tasks some are taken for different
        while own and len(group) > 1 and not _few([*map(len, found), len(group)]):
            group = group[:-1]
        if len(group) > 1:
            found.append(tuple(group))
    return Symmetry(tuple(found), own) if found else None
