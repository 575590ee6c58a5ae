"""What was measured, against what is wanted: tables, and the line that machines read."""

from __future__ import annotations

import operator
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

KEPT = Path(__file__).parent / "README.md"
_BEGIN, _END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach: `>=` or `<=` a value."""

    sign: str
    value: float

    def met(self, figure: float) -> bool:
        """Whether it does."""
        return bool({">=": operator.ge, "<=": operator.le}[self.sign](figure, self.value))

    def __str__(self) -> str:
        return f"{self.sign} {self.value:g}"


@dataclass(frozen=True)
class Figure:
    """A number with its unit. key: its name in the last line, if it is there. how: what of."""

    name: str
    value: float
    unit: str = ""
    bar: Bar | None = None
    how: str = ""
    key: str = ""

    @property
    def met(self) -> bool:
        """Whether it reaches its bar; true without one."""
        return self.bar is None or self.bar.met(self.value)

    def cells(self) -> tuple[str, str, str, str, str]:
        """A row of the table."""
        verdict = "" if self.bar is None else "met" if self.met else "not met"
        shown = f"{short(self.value)} {self.unit}".strip()
        return self.name, shown, str(self.bar or ""), verdict, self.how


@dataclass
class Figures:
    """All figures of a run. growth: states and bytes of each by size, as rows of a table."""

    figures: list[Figure] = field(default_factory=list)
    growth: list[tuple[str, ...]] = field(default_factory=list)

    #: Keys of the last line, in its order.
    KEYS = (
        "states_ratio",
        "end_to_end_ratio",
        "bytes_per_state",
        "cold_s",
        "warm_s",
        "peak_mb",
    )
    COLUMNS = ("figure", "value", "bar", "", "of what")
    GROWTH = ("case", "tasks", "subpages", "states", "transitions", "bytes/state", "CPU s", "")

    @property
    def met(self) -> bool:
        """Whether all bars are reached."""
        return all(figure.met for figure in self.figures)

    def last_line(self) -> str:
        """All that has a key, in one line."""
        known = {figure.key: short(figure.value) for figure in self.figures if figure.key}
        return "bench: " + " ".join(f"{key}={known.get(key, '-')}" for key in self.KEYS)

    def show(self, console: Console) -> None:
        """Print the tables."""
        rows = [figure.cells() for figure in self.figures]
        console.print(_table(self.COLUMNS, rows))
        if self.growth:
            console.print(_table(self.GROWTH, self.growth))

    def keep(self, path: Path = KEPT) -> None:
        """Replace the tables in a text by these."""
        text = path.read_text(encoding="utf-8")
        tables = [
            markdown(self.COLUMNS, [figure.cells() for figure in self.figures]),
            markdown(self.GROWTH, self.growth),
            circumstances(),
        ]
        made = "\n\n".join([_BEGIN, *tables, _END])
        pattern = re.escape(_BEGIN) + ".*" + re.escape(_END)
        path.write_text(re.sub(pattern, lambda _: made, text, flags=re.DOTALL), encoding="utf-8")


def short(value: float) -> str:
    """Three digits, or all that stand before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a text."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances() -> str:
    """What the figures depend on besides the code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores ({platform.machine()}); CPython {platform.python_version()}, "
        f"llvmlite {version('llvmlite')}, {_first_line('spin', '-V')}, "
        f"{_first_line('gcc', '--version')}"
    )


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return f"no {command[0]}"
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said.partition("\n")[0].partition(" -- ")[0].strip()


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        style = "bold red" if "not met" in row else None
        made.add_row(*row, style=style)
    return made
