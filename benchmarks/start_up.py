"""How long `mmspec check seed` takes, with and without what earlier runs have left behind."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Bar, Figure
from benchmarks.processes import often, run

COLD_RUNS, WARM_RUNS = 3, 5
_COLD, _WARM = Bar("<=", 5), Bar("<=", 1)


def measure(directory: Path) -> list[Figure]:
    """The figures."""
    cold = often(COLD_RUNS, lambda: _check(directory, _empty(directory)))
    cache = _empty(directory)
    _check(directory, cache)
    warm = often(WARM_RUNS, lambda: _check(directory, cache))
    of = "mmspec check seed: all kernels of its table"
    return [
        Figure("check, cold", cold, "s", _COLD, f"{of}; no caches", key="cold_s"),
        Figure("check, warm", warm, "s", _WARM, f"{of}; compiled before", key="warm_s"),
    ]


def _empty(directory: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="cache-", dir=directory))


def _check(directory: Path, cache: Path) -> float:
    """Wall seconds of a process; some kernels of the table are violated, so it returns 1.

    Our own modules are compiled in the cold runs only, as on a user's machine, whatever this
    process has been told of Python's byte code.
    """
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mmspec",
        "check",
        "seed",
        "-o",
        directory / "traces",
    ]
    environment = {
        "XDG_CACHE_HOME": str(cache),
        "PYTHONPYCACHEPREFIX": str(cache / "python"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return run(command, directory, environment, codes=(0, 1)).wall
