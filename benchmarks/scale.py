"""How much memory states take, and how many there are as tasks and huge pages grow."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Bar, Figure
from benchmarks.processes import BenchError, driver
from benchmarks.seed import THREE, TWO

STATES = 10_000_000
_BYTES, _PEAK = Bar("<=", 48), Bar("<=", 1000)


def measure(directory: Path) -> list[Figure]:
    """Ten million states of the largest configuration."""
    found, used = driver("large", STATES, directory=directory)
    if found["stopped"] not in ("", "states"):
        raise BenchError(f"{THREE.name} with 8 subpages was stopped: {found['stopped']}")
    states = found["states"]
    of = f"{THREE.name}, 3 tasks, 8 subpages, unmerged: {states:,} states"
    rest = used.peak / 1e6 - found["bytes"] / 1e6
    return [
        Figure("memory", found["bytes"] / states, "bytes/state", _BYTES, of, key="bytes_per_state"),
        Figure(
            "memory, peak",
            used.peak / 1e6,
            "MB",
            _PEAK,
            f"all of the process: {found['bytes'] / 1e6:.0f} MB of tables, {rest:.0f} MB besides",
            key="peak_mb",
        ),
        Figure("search, large", states / found["cpu"] / 1e6, "M states/CPU s", how="the same"),
    ]


def growth(directory: Path, states: int, seconds: float) -> list[tuple[str, ...]]:
    """Rows of a table, each of a search that ends after so many states or seconds."""
    rows: list[tuple[str, ...]] = []
    for tasks, case in ((2, TWO), (3, THREE)):
        for order in (1, 2, 3):
            found, _ = driver("growth", tasks, order, states, seconds, directory=directory)
            rows.append(
                (
                    case.name,
                    str(tasks),
                    str(1 << order),
                    f"{found['states']:,}",
                    f"{found['transitions']:,}",
                    f"{found['bytes'] / found['states']:.1f}",
                    f"{found['cpu']:.2f}",
                    "" if not found["stopped"] else f"stopped: {found['stopped']}",
                )
            )
    return rows
