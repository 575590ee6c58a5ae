"""A case of the seed scenario, searched by us and by Spin on what we export."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import spin
from benchmarks.figures import Bar, Figure
from benchmarks.processes import BenchError, driver, often
from benchmarks.seed import CASE, ROW
from mmspec.search.spin import GENERATE

RUNS = 5
_STATES_RATIO, _END_TO_END_RATIO = Bar(">=", 8), Bar(">=", 20)

_COMPILE = ("-O2", "-DSAFETY")


def measure(directory: Path) -> list[Figure]:
    """The figures; BenchError unless both searches find as many states and transitions."""
    (directory / "spin").mkdir()
    model = directory / "spin" / "model.pml"
    driver("model", model, directory=directory)
    ours, _ = driver("rate", 1 + RUNS, directory=directory)
    cpu = median(run["cpu"] for run in ours[1:])
    states, transitions = ours[0]["states"], ours[0]["transitions"]

    generated = spin.generate(model, GENERATE)
    table = states.bit_length() + 1
    spin.compile_verifier(model.parent, (*_COMPILE, "-DNOREDUCE"))
    full = spin.search(model.parent, table, RUNS)
    if (full.states, full.transitions) != (states, transitions):
        raise BenchError(
            f"{CASE} on {ROW} has {states} states and {transitions} transitions for us,"
            f" {full.states} and {full.transitions} for Spin"
        )
    compiled = spin.compile_verifier(model.parent, _COMPILE)
    reduced = spin.search(model.parent, table, RUNS)
    return [
        *_rates(ours[0], cpu, full),
        *_whole(directory, generated.cpu, compiled.cpu, reduced),
    ]


def _rates(run: dict[str, Any], cpu: float, full: spin.Searched) -> list[Figure]:
    ours, theirs = run["states"] / cpu, full.states / full.cpu
    of = f"{CASE} on {ROW}, unmerged: {run['states']:,} states of {run['size']:,} bytes"
    return [
        Figure("search", ours / 1e6, "M states/CPU s", how=of),
        Figure(
            "search, Spin",
            theirs / 1e6,
            "M states/CPU s",
            how=f"the same as exported: {full.vector:,} bytes",
        ),
        Figure(
            "search, ratio",
            ours / theirs,
            bar=_STATES_RATIO,
            how="gcc -O2 -DSAFETY -DNOREDUCE",
            key="states_ratio",
        ),
    ]


def _whole(
    directory: Path, generated: float, compiled: float, reduced: spin.Searched
) -> list[Figure]:
    result, _ = driver("verdict", directory=directory)
    if result["verdict"] != "holds":
        raise BenchError(f"{CASE} on {ROW} should hold and is {result['verdict']}")
    ours = often(RUNS, lambda: driver("verdict", directory=directory)[1].cpu)
    theirs = generated + compiled + reduced.cpu
    stages = f"generate {generated:.1f}, gcc {compiled:.1f}, search {reduced.cpu:.2f} CPU s"
    return [
        Figure(
            "verdict", ours, "CPU s", how=f"import, compile, search: {result['states']:,} states"
        ),
        Figure("verdict, Spin", theirs, "CPU s", how=f"{stages}: {reduced.states:,} states"),
        Figure(
            "verdict, ratio",
            theirs / ours,
            bar=_END_TO_END_RATIO,
            how="no caches; each with its own reduction",
            key="end_to_end_ratio",
        ),
    ]
