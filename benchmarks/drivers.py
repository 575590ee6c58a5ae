"""What is measured in a process of its own: `python -m benchmarks.drivers NAME ARGUMENT...`.

Each function prints its result as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmspec.search.bfs import Budget, Outcome, Search, Workspace


def _seconds(search: Search) -> tuple[Outcome, float]:
    before = time.process_time()
    outcome = search.run()
    return outcome, time.process_time() - before


def _told(outcome: Outcome, cpu: float) -> dict[str, Any]:
    return {
        "states": outcome.states,
        "transitions": outcome.transitions,
        "stopped": outcome.stopped,
        "bytes": outcome.bytes,
        "cpu": cpu,
    }


def rate(runs: str) -> list[dict[str, Any]]:
    """The case that Spin gets, searched several times; the engine is warm from the second on."""
    from benchmarks import seed

    case = seed.SEED.case(seed.CASE)
    made = seed.checker(seed.only(case), merged=False)
    size = made.machine.shared_size + len(case.tasks) * made.machine.record_size
    found = [_told(*_seconds(made.search(case, 0))) for _ in range(int(runs))]
    return [{**run, "size": size} for run in found]


def model(path: str) -> dict[str, Any]:
    """Write the case as a Promela model."""
    from benchmarks import seed
    from mmspec.compiler.promela import export

    case = seed.SEED.case(seed.CASE)
    made = seed.checker(seed.only(case), merged=False)
    text = export(made.full_system(), made.initial(case, 0))
    Path(path).write_text(text, encoding="utf-8")
    return {"characters": len(text)}


def verdict() -> dict[str, Any]:
    """All of a check: compile the case, search it, let the processes exit."""
    from benchmarks import seed

    case = seed.SEED.case(seed.CASE)
    found = seed.checker(seed.only(case), merged=True).run_case(case, 0)
    return {**_told(found.outcome, 0), "verdict": found.verdict.value}


def large(states: str) -> dict[str, Any]:
    """Three tasks and eight subpages, every step by itself."""
    from benchmarks import seed

    made = seed.checker(seed.only(seed.THREE, order=3), merged=False, states=int(states))
    return _told(*_seconds(made.search(seed.THREE, 0)))


def growth(tasks: str, order: str, states: str, seconds: str) -> dict[str, Any]:
    """A case with more tasks or larger huge pages, with the reductions on."""
    from benchmarks import seed

    case = seed.TWO if int(tasks) == 2 else seed.THREE
    made = seed.checker(seed.only(case, int(order)), merged=True, states=int(states))
    search = made.search(case, 0)
    search.budget = Budget(states=int(states), seconds=float(seconds))
    return _told(*_seconds(search))


def protocol(size: str, runs: str) -> list[dict[str, Any]]:
    """The protocol of `protocol.py`, step by step; the engine is warm from the second run on."""
    from benchmarks import protocol as text
    from mmspec.compiler.system import System
    from mmspec.lang import Config

    (subpages, mms, zappers, ops), _ = text.CONFIGURATIONS[size]
    tasks = [text.splitter, text.migrator] + [text.zapper] * zappers
    config = Config.of(protocol_subpages=subpages, protocol_mms=mms, protocol_ops=ops)
    groups = [[text.accounting_agrees]]
    system = System([text.set_up, *tasks], config, merged=False, groups=groups)
    initial, _ = system.initial([(0, text.set_up)], tasks)
    space = Workspace(system, len(tasks))
    found = []
    for _ in range(int(runs)):
        search = Search(system, initial, finals=0, final_mask=1, workspace=space)
        found.append(_told(*_seconds(search)))
    return found


DRIVERS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (rate, model, verdict, large, growth, protocol)
}

if __name__ == "__main__":
    print(json.dumps(DRIVERS[sys.argv[1]](*sys.argv[2:])))
