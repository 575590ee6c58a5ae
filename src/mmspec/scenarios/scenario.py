"""What a scenario is: something that users of a kernel could do at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmspec.kernels import Change, Kernel
from mmspec.kernels.known import release_named, unknown
from mmspec.kernels.releases import LATER_FIXES, RELEASES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.properties.property import Property

Program = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """One system to explore.

    set_up: executed by task 0, alone, from a machine that is switched off. tasks: the programs
    that then run concurrently; task n on processor n. needs: the changes without which the case
    adds nothing to others, and is left out.
    """

    name: str
    set_up: Program
    tasks: tuple[Program, ...]
    needs: tuple[Change, ...] = ()

    def applies(self, kernel: Kernel) -> bool:
        """Whether the case is worth exploring on a kernel."""
        return all(change in kernel for change in self.needs)


@dataclass(frozen=True)
class Witness:
    """Something that must happen in a scenario, or its verdict means nothing.

    reached: a function that some task must get to. needs: the changes without which it cannot.
    """

    sentence: str
    reached: Any
    needs: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Row:
    """A line of a scenario's table: a kernel under a short name.

    note: what is special about it. question: what it is there to answer.
    """

    name: str
    kernel: Kernel
    note: str = ""
    question: str = ""


#: What most scenarios are checked on.
USUAL_ROWS = (
    Row("v4.13", v4_13, "as released"),
    Row("v4.14", v4_14, "as released"),
    Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
)


@dataclass(frozen=True)
class Scenario:
    """Cases that belong together, the sizes they run with, and the kernels they are run on.

    rows: the kernels of its table, when none is asked for. shown: the row whose violation is
    reported in full below it. also: properties checked here, beyond those that always hold.
    violated_anyway: properties that no kernel has here, for a reason of its own; not checked.
    """

    name: str
    title: str
    cases: tuple[Case, ...]
    rows: tuple[Row, ...]
    config: Config = field(default_factory=Config)
    witnesses: tuple[Witness, ...] = ()
    explanation: str = ""
    shown: str = ""
    also: tuple[Property, ...] = ()
    violated_anyway: tuple[Property, ...] = ()

    def case(self, name: str) -> Case:
        """A case by its name; UnknownName if there is none."""
        for case in self.cases:
            if case.name == name:
                return case
        names = [case.name for case in self.cases]
        raise unknown(f"case of {self.name} named", name, names, "mmspec list cases")

    def kernel(self, name: str) -> Kernel:
        """A kernel of the table by its row's name, or a release."""
        for row in self.rows:
            if row.name.lower() == name.lower():
                return row.kernel
        if name in RELEASES or f"v{name}" in RELEASES:
            return release_named(name)
        names = [*RELEASES, *(row.name for row in self.rows)]
        raise unknown("kernel", name, names, "mmspec list kernels")

    def programs(self) -> list[Program]:
        """Every program that a task executes, each once."""
        found: list[Program] = []
        for case in self.cases:
            found += [case.set_up, *case.tasks]
        return list(dict.fromkeys(found))


def crossed(
    set_ups: Sequence[Program],
    first: Sequence[Program],
    second: Sequence[Program],
    needs: tuple[Change, ...] = (),
) -> tuple[Case, ...]:
    """Every set-up with every pair of programs; a case is named after its functions."""
    return tuple(
        Case(f"{s.__name__}/{a.__name__}/{b.__name__}", s, (a, b), needs)
        for s in set_ups
        for a in first
        for b in second
    )
