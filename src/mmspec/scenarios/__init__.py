"""Scenarios: what users could do at the same time, by name."""

from __future__ import annotations

from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed

__all__ = ["NAMES", "Case", "Row", "Scenario", "Witness", "crossed", "scenario"]

#: The scenarios there are; each is a module here.
NAMES = ("seed",)
