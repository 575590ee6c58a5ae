"""`python -m benchmarks`: measure, print, keep; 0 if all bars are met."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks import against_spin, protocol_models, scale, start_up
from benchmarks.figures import Figure, Figures
from benchmarks.processes import BenchError, require

Part = tuple[str, Callable[[Path], list[Figure]]]


def parts(quick: bool) -> list[Part]:
    """What is measured, and how to call it meanwhile."""
    found: list[Part] = [
        ("mmspec check seed", start_up.measure),
        ("ten million states", scale.measure),
        ("the protocol, size B", lambda directory: protocol_models.measure(directory, "B", 3)),
    ]
    if not quick:
        found.append(
            ("the protocol, size C", lambda directory: protocol_models.measure(directory, "C", 1))
        )
    return [*found, ("a case, and the same in Spin: two minutes", against_spin.measure)]


def measure(quick: bool, console: Console) -> Figures:
    """All figures, one part after the other."""
    made = Figures()
    with tempfile.TemporaryDirectory(prefix="mmspec-bench-") as temporary:
        directory = Path(temporary)
        for name, part in parts(quick):
            with console.status(name):
                found = part(directory)
            made.figures += found
            for figure in found:
                console.print(" ".join(figure.cells()[:4]), highlight=False)
        with console.status("growth"):
            made.growth = scale.growth(directory, *((10**6, 5) if quick else (10**7, 20)))
    return made


@click.command()
@click.option("--quick", is_flag=True, help="Without the protocol's size C; nothing is kept.")
def main(quick: bool) -> None:
    """Measure, and compare with what is wanted."""
    console = Console(stderr=True)
    os.environ.pop("MMSPEC_CACHE", None)
    try:
        require("spin", "gcc")
        made = measure(quick, console)
    except BenchError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    made.show(Console() if sys.stdout.isatty() else Console(width=140))
    if not quick:
        made.keep()
    print(made.last_line())
    raise SystemExit(0 if made.met else 1)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
