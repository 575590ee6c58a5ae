"""Try the mutants of the specification: `python -m tests.spec_mutants [PART OF A NAME ...]`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.spec_mutants.table import MUTANTS
from tests.spec_mutants.trying import Outcome, try_all

#: Mutants that are compiled together: there are at most 64 kernels in a family.
FAMILY = 55


def line(outcome: Outcome) -> str:
    """What is printed of a mutant."""
    mutant = MUTANTS[outcome.number]
    if outcome.refused:
        return f"  REFUSED   {mutant.name}: {outcome.refused}"
    if outcome.by:
        how = f"{outcome.scenario} {outcome.by}, {outcome.steps} steps"
        return f"  killed    {mutant.name:72} {outcome.seconds:4.1f} s  {how}"
    if mutant.survives:
        return f"  explained {mutant.name:72} {outcome.seconds:4.1f} s  {mutant.survives}"
    return f"  SURVIVED  {mutant.name:72} {outcome.seconds:4.1f} s"


def main() -> int:
    """Try all mutants, in two processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only mutants with one of these in their name")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    chosen = parser.parse_args()
    wanted = [
        number
        for number, mutant in enumerate(MUTANTS)
        if not chosen.names or any(name in mutant.name for name in chosen.names)
    ]
    families = max(-(-len(wanted) // FAMILY), min(chosen.jobs, len(wanted)))
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="mmspec-mutants-") as cache:
        # what is compiled here is of no use later
        os.environ["MMSPEC_CACHE"] = cache
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(chosen.jobs, mp_context=spawn) as pool:
            pending = [pool.submit(try_all, wanted[n::families]) for n in range(families)]
            for future in as_completed(pending):
                for outcome in future.result():
                    print(line(outcome), flush=True)
                    outcomes.append(outcome)
    killed = sum(bool(outcome.by) for outcome in outcomes)
    print(f"spec-mutants: killed {killed} of {len(outcomes)}")
    as_said = all(bool(o.by) != bool(MUTANTS[o.number].survives) for o in outcomes)
    return 0 if as_said else 1


if __name__ == "__main__":
    sys.exit(main())
