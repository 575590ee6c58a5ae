"""The diagrams beside this file, and what is expected of each on which kernel."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmspec.cli.judging import kernel_of
from mmspec.judge.bench import Bench
from mmspec.judge.diagram import front_matter, read
from mmspec.judge.layout import lines_of
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge, Judgement
from mmspec.kernels import Kernel
from mmspec.scenarios import scenario_named

DIRECTORY = Path(__file__).parent / "diagrams"


@dataclass(frozen=True)
class Item:
    """A diagram on a kernel. number: of the kernel on the bench."""

    path: Path
    label: str
    number: int
    expected: Answer


@dataclass(frozen=True)
class Judged:
    """An item and what came of it."""

    item: Item
    judgement: Judgement
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether it is what is expected, and everything was read."""
        found = self.judgement
        return found.answer is self.item.expected and not found.diagram.unread


@functools.cache
def collected() -> tuple[Bench, tuple[Item, ...]]:
    """All diagrams, and one bench with every kernel they name.

    `expect:` is a list, `feasible on V-C; infeasible on v4.14 fixed`.
    """
    scenario = scenario_named("seed")
    kernels: dict[str, Kernel] = {}
    items = []
    for path in sorted(DIRECTORY.glob("*.txt")):
        front, _ = front_matter(lines_of(path.read_bytes()))
        for part in front["expect"].split(";"):
            answer, _, name = part.strip().partition(" on ")
            label, kernel = kernel_of(scenario, {**front, "kernel": name.strip()})
            kernels.setdefault(label, kernel)
            items.append(Item(path, label, list(kernels).index(label), Answer(answer)))
    return Bench(scenario, list(kernels.values())), tuple(items)


def judged(item: Item, *, change: bool = False) -> Judged:
    """Judge one item."""
    bench, _ = collected()
    started = time.monotonic()
    diagram = read(item.path.read_bytes(), bench.vocabulary({}), bench.programs)
    found = Judge(bench, item.number, Limits(60)).judge(diagram, change=change)
    return Judged(item, found, time.monotonic() - started)


def all_judged() -> Iterator[Judged]:
    """Judge everything."""
    _, items = collected()
    for item in items:
        yield judged(item)
