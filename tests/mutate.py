"""Mutation testing of the compiler: `python -m tests.mutate` prints a table.

Each mutant gets a copy of the package of its own, and the equality suite (native code against
CPython, recorded counts, refusals, some of Spin) until the first difference.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]

#: Seconds for one mutant; one that makes a search endless is noticed by this.
LIMIT = 60

REFUSALS = "tests/compiler/test_refusals.py"

#: Cases for Spin: one mode of each is enough, and takes a third of a second.
SPIN = (
    ("locking-leaves_nested", True),
    ("calls-walks+", False),
    ("calls-several_calls", False),
    ("control-chooses+", False),
    ("control-takes+takes_other", True),
    ("expressions-fails_in_caller", False),
    ("expressions-augmented_calls", False),
    ("calls-exchanges", False),
    ("memory-numbers+unlink", False),
    ("memory-follow_twice", False),
    ("roles-crosses_locks+crosses_back", True),
    ("integers-negative+", False),
)


# ---------------------------------------------------------------------------- one mutant


def noticed(near: str) -> Iterator[str]:
    """Differences, cases that are likely to show one first."""
    from tests.equality import by_spin, cases, differences

    quick = [case for case in cases() if not case.slow]
    likely = [case for case in quick if near and near in str(case)]
    if near == "refusals":
        yield from _failures(REFUSALS)
    if near == "words":
        yield from _failures("tests/compiler/test_words.py")
    if near == "spin":
        likely = []
    rest = [case for case in quick if case not in likely]
    for case in likely:
        for difference in differences(case):
            yield f"{case}: {difference}"
    for prefix, merged in SPIN if near == "spin" else ():
        case = next(c for c in quick if str(c).startswith(prefix))
        found = by_spin(case, merged)
        if (found.states, found.transitions) != case.counts(merged) or found.errors:
            yield f"{case} by Spin: {found.states, found.transitions}, {case.counts(merged)}"
    for case in rest:
        for difference in differences(case):
            yield f"{case}: {difference}"
    if near != "refusals":
        yield from _failures(REFUSALS)


def _failures(path: str) -> Iterator[str]:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if run.returncode:
        lines = run.stdout.splitlines()
        yield next((line for line in lines if line.startswith("FAILED")), path)


def check(near: str) -> int:
    """Run the suite in this process until something is noticed; the exit status says what."""
    try:
        for difference in noticed(near):
            print(difference.splitlines()[0][:300])
            return 1
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        print(f"{type(error).__name__}: {first[:200]}")
        return 1
    return 0


# --------------------------------------------------------------------------- all mutants


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. by: what noticed it; empty if nothing did."""

    mutant: Mutant
    by: str
    seconds: float


def try_mutant(mutant: Mutant) -> Outcome:
    """Make the mutant and run the suite on it."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mmspec-mutant-") as made:
        package = Path(made) / "mmspec"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src" / "mmspec", package, ignore=ignored)
        path = package / mutant.file
        text = path.read_text()
        if mutant.old not in text:
            return Outcome(mutant, "", -1.0)
        path.write_text(text.replace(mutant.old, mutant.new, 1))
        paths = os.pathsep.join((made, str(ROOT)))
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run = subprocess.run(
                [sys.executable, "-m", "tests.mutate", "--check", mutant.near],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
            lines = (run.stdout or run.stderr).splitlines() or [f"status {run.returncode}"]
            by = lines[-1] if run.returncode else ""
        except subprocess.TimeoutExpired:
            by = f"no end after {LIMIT} s"
    return Outcome(mutant, by, time.monotonic() - begun)


def main() -> int:
    """Try all mutants, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only mutants with one of these in their name")
    parser.add_argument("--check", metavar="NEAR", help="run the suite on the package as it is")
    chosen = parser.parse_args()
    if chosen.check is not None:
        return check(chosen.check)
    wanted = [
        m for m in MUTANTS if not chosen.names or any(name in m.name for name in chosen.names)
    ]
    killed = 0
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(try_mutant, wanted):
            name = outcome.mutant.name
            if outcome.seconds < 0:
                print(f"  NO TEXT   {name}: {outcome.mutant.file} has changed", flush=True)
                continue
            killed += bool(outcome.by)
            state = "killed  " if outcome.by else "SURVIVED"
            print(f"  {state} {outcome.seconds:5.1f} s  {name:44} {outcome.by[:110]}", flush=True)
    print(f"mutants: killed {killed} of {len(wanted)}")
    return 0 if killed == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
