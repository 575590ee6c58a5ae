"""Spin as it is measured: its generator, gcc, and the verifier that comes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.processes import BenchError, Used, run

#: Bytes of a state, at most: gcc would have to run again if they turned out too few.
_VECTOR = 4096


@dataclass(frozen=True)
class Searched:
    """What a verifier found. vector: bytes of a state. cpu: of a whole run, the median."""

    states: int
    transitions: int
    vector: int
    cpu: float


def generate(model: Path, options: Sequence[str]) -> Used:
    """Make `pan.c` beside a model. BenchError if Spin does not accept it."""
    used = run(["spin", "-a", *options, model.name], model.parent, codes=(0, 1))
    if "rror" in used.said or not (model.parent / "pan.c").exists():
        raise BenchError(f"spin does not accept the model:\n{used.said[-2000:]}")
    return used


def compile_verifier(directory: Path, options: Sequence[str]) -> Used:
    """Make `pan` of `pan.c`."""
    sizes = (f"-DVECTORSZ={_VECTOR}", "-DMEMLIM=16000")
    return run(["gcc", "-w", *options, *sizes, "-o", "pan", "pan.c"], directory)


def search(directory: Path, table: int, runs: int) -> Searched:
    """Run `pan` several times, with 1 << table slots; BenchError if it did not see everything."""
    command = ["./pan", "-m1000000", f"-w{table}", "-E"]
    found = [run(command, directory) for _ in range(runs)]
    said = found[0].said
    states = re.search(r"(\d+) states, stored", said)
    transitions = re.search(r"(\d+) transitions", said)
    vector = re.search(r"State-vector (\d+) byte", said)
    complete = "errors: 0" in said and "too small" not in said
    if not (states and transitions and vector and complete):
        raise BenchError(f"Spin's search did not end as expected:\n{said[:2000]}")
    # it counts a transition to the initial state
    cpu = median(used.cpu for used in found)
    return Searched(int(states[1]), int(transitions[1]) - 1, int(vector[1]), cpu)
