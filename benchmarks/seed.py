"""The seed scenario's cases as they are measured, and larger ones of the same kind."""

from __future__ import annotations

from dataclasses import replace

from mmspec.checker import Checker, Options, Target
from mmspec.lang import Config
from mmspec.scenarios import Case, Scenario, scenario_named
from mmspec.scenarios.seed import bind, both, split, write
from mmspec.search.bfs import Budget
from mmspec.spec.page.syscalls import share_mm

SEED = scenario_named("seed")

#: What is compared with Spin: a case that holds, so that all of it is explored. Of those it has
#: the smallest text: Spin takes half a minute to generate its verifier, and gcc to compile it.
ROW, CASE = "v4.14 fixed", "both/split/zap"


def both_and_a_thread() -> None:
    """A huge page in parent and child, and two threads of the parent."""
    both()
    share_mm(2)


TWO = Case("both/bind/write", both, (bind, write))
THREE = Case("both/bind/split/write", both_and_a_thread, (bind, split, write))


def target() -> Target:
    """The kernel."""
    return Target(next(row.kernel for row in SEED.rows if row.name == ROW))


def only(case: Case, order: int = 2) -> Scenario:
    """A scenario of one case, with huge pages of 1 << order subpages."""
    sizes = {**SEED.config.sizes, "order": order, "frames": 6 << order}
    return replace(SEED, cases=(case,), config=Config.of(**sizes))


def checker(scenario: Scenario, merged: bool, states: int = 1 << 31) -> Checker:
    """The scenario, compiled. No two of its tasks are alike, so symmetry would not matter."""
    options = Options(merged=merged, symmetry=False, budget=Budget(states=states))
    return Checker(scenario, [target()], options)
