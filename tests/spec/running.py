"""The specification's functions one after another: nothing is concurrent here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mmspec.compiler.conventions import KernelView
from mmspec.compiler.system import System
from mmspec.kernels import WATCHED, Kernel
from mmspec.lang import Config
from mmspec.lang.context import reading
from mmspec.lang.program import discover
from mmspec.lang.world import World
from mmspec.spec.machine.sizes import NR_FRAMES
from mmspec.spec.page.mm_types import (
    NR_ANON_MAPPED,
    NR_ANON_THPS,
    NR_ISOLATED_ANON,
    NR_MLOCK,
    anon_vma_chains,
    anon_vmas,
    mem_map,
    mms,
    page_tables,
    pgdat,
    vmas,
)
from mmspec.spec.page.pgtable import pmd_table
from tests.spec import programs

R = TypeVar("R")
Phases = Sequence[tuple[int, Callable[[], None]]]

PROGRAMS = [fn for name, fn in vars(programs).items() if callable(fn) and not name.startswith("_")]


def config(order: int, **sizes: int) -> Config:
    """Sizes for huge pages of 1 << `order` pages: room for four of them on each node."""
    usual = {"frames": 8 << order, "tasks": 3, "mms": 3, "vmas": 3, "anon_vmas": 4, "avcs": 9}
    return Config.of(order=order, **{**usual, "tables": 6, "migrate_passes": 4, **sizes})


class Machine:
    """A machine of CPython's, on which one function runs at a time."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, fn: Callable[..., R], *args: Any, task: int = 0) -> R:
        """Call a function as a task, to its end; the result."""
        results: list[R] = []
        self.world.run_alone(task, lambda: results.append(fn(*args)))
        return results[0]


def pte_at(k: int = 0, mm: int = 0) -> int:
    """The PTE of the k-th user page, of those that the first PMD covers."""
    return int(pmd_table(mms[mm].pgd.pmd[0].val).pte[k].val)


@contextmanager
def machine(kernel: Kernel, order: int = 2, **sizes: int) -> Iterator[Machine]:
    """A machine that is switched off, with a kernel."""
    world = World(
        discover(PROGRAMS), config(order, **sizes), kernel.changes | {WATCHED}, asserts=True
    )
    with world.active():
        yield Machine(world)


def natively(phases: Phases, kernel: Kernel, sizes: Config) -> list[int]:
    """Memory after compiled programs have run one after another."""
    view = KernelView(kernel.changes | {WATCHED})
    system = System([fn for _, fn in phases], sizes, [view])
    state, _ = system.initial(phases, [])
    with reading(sizes):
        return system.memory(state)


def by_cpython(phases: Phases, kernel: Kernel, sizes: Config) -> tuple[list[int], list[str]]:
    """The same, executed by CPython; and what is left there that should be free."""
    world = World(discover([fn for _, fn in phases]), sizes, kernel.changes | {WATCHED})
    with world.active():
        for task, fn in phases:
            world.run_alone(task, fn)
        return list(world.values), left_over()


def left_over() -> list[str]:
    """What a machine on which no process runs any more still has in use."""
    found: list[str] = []
    for name, members, field in (
        ("frame", mem_map, "buddy"),
        ("table", page_tables, "live"),
        ("vma", vmas, "used"),
        ("anon_vma", anon_vmas, "used"),
        ("avc", anon_vma_chains, "used"),
    ):
        free = 1 if name == "frame" else 0
        # the zero page stays
        numbers = range(int(NR_FRAMES) if name == "frame" else len(members))
        found += [f"{name} {k}" for k in numbers if getattr(members[k], field) != free]
    for k in range(len(mms)):
        counts = [*(mms[k].rss[member] for member in range(4)), mms[k].nr_ptes, mms[k].mm_count]
        found += [f"mm {k}: {counts}"] if any(counts) else []
    for item in (NR_ANON_MAPPED, NR_ANON_THPS, NR_ISOLATED_ANON, NR_MLOCK):
        found += [f"statistic {item}"] if pgdat.stat[item] else []
    return found + (["split queue"] if pgdat.split_queue_len else [])
