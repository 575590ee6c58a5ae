"""The protocol of `protocol.py`, in our language, in Promela and in C."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

from benchmarks import spin
from benchmarks.figures import Bar, Figure
from benchmarks.processes import BenchError, driver, often, run
from benchmarks.protocol import CONFIGURATIONS

_MODELS = Path(__file__).parent / "models"
_AS_FAST = Bar(">=", 1)


def measure(directory: Path, size: str, runs: int) -> list[Figure]:
    """The figures for one size; BenchError unless all find the known numbers of states."""
    (subpages, mms, zappers, ops), counts = CONFIGURATIONS[size]
    sizes = [f"-DN={subpages}", f"-DM={mms}", f"-DZ={zappers}", f"-DOPS={ops}"]
    bits = counts[0].bit_length() + 1

    ours, _ = driver("protocol", size, 1 + runs, directory=directory)
    cpu = median(run["cpu"] for run in ours[1:])
    _agree(size, "we", (ours[0]["states"], ours[0]["transitions"]), counts)

    place = directory / f"protocol-{size}"
    shutil.copytree(_MODELS, place)
    spin.generate(place / "protocol.pml", ("-o1", "-o3", *sizes))
    spin.compile_verifier(place, ("-O2", "-march=native", "-DSAFETY", "-DNOREDUCE"))
    theirs = spin.search(place, bits + 2, runs)
    _agree(size, "Spin", (theirs.states, theirs.transitions), counts)

    best = ["-w", "-O3", "-march=native", *sizes, f"-DLOG2={bits}", "-o", "search", "search.c"]
    run(["gcc", *best], place)
    words = run(["./search"], place).said.split()
    _agree(size, "the C program", (int(words[0]), int(words[2])), counts)
    packed = often(runs, lambda: run(["./search"], place).cpu)

    states = counts[0]
    unit = "M states/CPU s"
    return [
        Figure(f"protocol {size}", states / cpu / 1e6, unit, how=f"{states:,} states"),
        Figure(
            f"protocol {size}, to Spin",
            theirs.cpu / cpu,
            bar=_AS_FAST,
            how=f"written by hand in Promela: {states / theirs.cpu / 1e6:.2f} {unit}",
        ),
        Figure(
            f"protocol {size}, to C",
            packed / cpu,
            how=f"packed by hand into 128 bits: {states / packed / 1e6:.1f} {unit}",
        ),
    ]


def _agree(size: str, who: str, found: tuple[int, int], known: tuple[int, int]) -> None:
    if found != known:
        raise BenchError(f"protocol {size} has {known} states and transitions; {who} found {found}")
