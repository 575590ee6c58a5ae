"""Programs run to be measured: their CPU time, wall time and memory, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]


class BenchError(Exception):
    """A measurement that cannot be made, or that contradicts another."""


@dataclass(frozen=True)
class Used:
    """What a process took. cpu: user and system seconds. peak: bytes. said: its output."""

    cpu: float
    wall: float
    peak: int
    said: str


def run(
    command: Sequence[str | Path],
    directory: Path,
    environment: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Used:
    """Run a program to its end; BenchError if its exit code is none of `codes`."""
    output = directory / "output"
    started = time.perf_counter()
    with output.open("w") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=directory,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    said = output.read_text(errors="replace")
    if process.returncode not in codes:
        raise BenchError(f"{command[0]} ended with {process.returncode}:\n{said[-2000:]}")
    return Used(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024, said)


def driver(name: str, *arguments: object, directory: Path) -> tuple[Any, Used]:
    """Run a function of `drivers.py` in a process of its own, without caches: its result."""
    command = [sys.executable, "-m", "benchmarks.drivers", name, *map(str, arguments)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    used = run(command, directory, {"PYTHONPATH": path, "MMSPEC_CACHE": ""})
    return json.loads(used.said.splitlines()[-1]), used


def often(times: int, measure: Callable[[], float]) -> float:
    """The median of a measurement that is made several times."""
    return median(measure() for _ in range(times))


def require(*tools: str) -> None:
    """BenchError if a program is not installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise BenchError(f"{' and '.join(missing)} not found; on Debian: apt install spin gcc")
