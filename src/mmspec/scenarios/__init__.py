"""Scenarios: what users could do at the same time, by name."""

from __future__ import annotations

import importlib

from mmspec.kernels.known import unknown
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed

__all__ = ["NAMES", "Case", "Row", "Scenario", "Witness", "crossed", "scenario_named"]

#: The scenarios there are; each is a module here, with its SCENARIO.
NAMES = (
    "seed",
    "alone",
    "splits",
    "moves",
    "moves_shared",
    "moves_locked",
    "tracked",
    "thrown_away",
    "thrown_away_used",
    "protected",
    "write_protected",
    "protected_copied",
    "bound",
    "crowded",
    "taken_apart",
    "guests",
    "swapped",
    "lazyfree",
    "zero_pages",
    "pinned",
    "locked_meanwhile",
    "locks",
    "told",
    "base_pages",
    "filled",
    "zaps",
    "remaps",
    "pinned_reclaimed",
    "collapsed",
    "neighbours",
    "offlined",
    "emptied",
    "moved_whole",
    "soft_offlined",
    "poisoned",
    "poisoned_alone",
    "poisoned_copied",
    "first_touch",
    "remaps_askew",
    "balanced",
    "aged",
    "told_in_order",
    "given_up",
    "glanced_at",
    "idle",
    "swapped_whole",
    "swapped_apart",
    "swapped_beside",
    "reaped",
    "collapsed_pinned",
    "merged",
    "merged_moved",
    "merged_cleared",
    "merged_whole",
    "merged_pinned",
    "merged_inherited",
    "merged_guest",
)


def scenario_named(name: str) -> Scenario:
    """A scenario by its name; UnknownName if there is none."""
    if name not in NAMES:
        raise unknown("scenario", name, NAMES, "mmspec list scenarios")
    found = importlib.import_module(f"mmspec.scenarios.{name}").SCENARIO
    assert isinstance(found, Scenario)
    return found
