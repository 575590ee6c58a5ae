"""Locks are taken in the documented order (mm/filemap.c, mm/rmap.c): watched as lockdep does it.

A deadlock is found by searching, whatever the order. This finds what could become one: wherever
CPython executes the specification, each acquisition that may wait is compared with what the task
holds. It is a matter of the paths that were executed, not of how they interleave.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from mmspec.lang.source import leading_wait
from mmspec.lang.world import World

#: Which locks may be held when another one is taken: those of earlier lines. A lock is named by its
#: struct, or by the field that it is. In a section of RCU nobody sleeps: it follows what sleeps.
ORDER = (
    ("Ksm.thread_mutex",),
    ("Mm.mmap_sem",),
    ("Page",),
    ("AnonVma.rwsem",),
    ("RcuReaders",),
    ("Kvm.mmu_lock",),
    ("Mm.page_table_lock",),
    ("PmdTable.ptl", "PageTable.ptl"),
    ("Pglist.lru_lock",),
    ("SwapInfo.tree_lock",),
    ("Pglist.split_queue_lock",),
)

#: Two locks of one line: fork takes the child's after the parent's mmap_sem, and the parent's after
#: the child's page table; who moves page tables has mmap_sem for writing.
NESTED = ("Mm.mmap_sem", "PmdTable.ptl", "PageTable.ptl")


@dataclass(frozen=True)
class Taken:
    """A lock was waited for while another was held. where: the function that asked for it."""

    held: str
    lock: str
    where: str

    @property
    def is_in_order(self) -> bool:
        """Whether that is documented."""
        if self.held == self.lock:
            return self.held in NESTED
        places = {name: n for n, names in enumerate(ORDER) for name in names}
        if self.held not in places or self.lock not in places:
            return False
        return places[self.held] < places[self.lock]

    def __str__(self) -> str:
        return f"{self.where}() takes {self.lock} while it holds {self.held}"


def watch(world: World) -> set[Taken]:
    """Have a world note what is taken while something is held; the set fills as it executes."""
    found: set[Taken] = set()
    names: dict[int, str] = {}
    texts = {fn.__code__: fn for fn in world.program.functions}
    acquired = world.acquired

    def note(lock: Any, shared: bool) -> None:
        task = world.running
        if task is not None:
            name = _name(world, lock)
            names[world.lock_number(lock)] = name
            # below this one: the language's acquired(), what takes the lock, and who asked for it
            stack = [texts[frame.f_code] for frame in _frames() if frame.f_code in texts]
            if leading_wait(stack[0]) is not None:
                where = stack[1].__name__
                found.update(Taken(names[number], name, where) for number in task.held)
        acquired(lock, shared)

    world.acquired = note  # type: ignore[method-assign]
    return found


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _name(world: World, lock: Any) -> str:
    owner = world.layout.owner_of(type(lock), lock._mmspec_index)
    if owner is None:
        return type(lock).__name__
    return f"{owner[0].owner.__name__}.{owner[0].name}"
