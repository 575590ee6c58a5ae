"""What would have to change in an infeasible diagram: the smallest change that is found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mmspec.judge.claims import Claim, Kind
from mmspec.judge.search import Limits

if TYPE_CHECKING:
    from mmspec.judge.verdict import Change, Judge, Judgement, Obstacle

#: For all attempts together, and for each.
_SECONDS, _EACH = 20.0, 5.0
_ATTEMPTS = 60


def nearest(judge: Judge, made: Judgement) -> Change | None:
    """A change that makes a diagram feasible; None if none was found."""
    assert made.reading is not None
    deadline = time.monotonic() + _SECONDS
    for n, change in enumerate(_changes(made)):
        left = deadline - time.monotonic()
        if n >= _ATTEMPTS or left <= 0:
            return None
        limits = Limits(min(_EACH, left), judge.limits.nodes)
        if judge.can_happen(change.diagram, made.reading, limits):
            return change
    return None


def _changes(made: Judgement) -> Iterator[Change]:
    """Candidates, the smallest first: another value, another place, a line less."""
    from mmspec.judge.verdict import Change

    obstacle, diagram = made.obstacle, made.diagram
    if obstacle is None:
        return
    line = obstacle.line
    for claim in _values(obstacle):
        claims = tuple(claim if c is obstacle.claim else c for c in line.claims)
        yield Change(f"line {line.number} says `{claim}`", diagram.changed(line, claims))
    fails = any(claim.kind is Kind.FAILS for claim in line.claims)
    others = sorted(
        (x for x in diagram.lines if x is not line), key=lambda x: abs(x.row - line.row)
    )
    if not fails:
        for other in others:
            if other.column == line.column or other.column < 0:
                continue
            if other.row < line.row:
                words = f"line {line.number} comes before line {other.number}"
                yield Change(words, diagram.moved(line, other.row))
            elif other.row > line.row:
                words = f"line {line.number} comes after line {other.number}"
                yield Change(words, diagram.moved(line, other.row + 0.5))
    yield Change(f"line {line.number} is left out", diagram.without(line))
    for other in others:
        yield Change(f"line {other.number} is left out", diagram.without(other))


def _values(obstacle: Obstacle) -> Iterator[Claim]:
    """The claim with values that were seen instead."""
    claim = obstacle.claim
    if claim.kind is Kind.WRITES:
        yield replace(claim, kind=Kind.HOLDS)
    if claim.kind not in (Kind.WRITES, Kind.HOLDS):
        return
    relation = " = " if claim.kind is Kind.WRITES else " is "
    for seen in obstacle.seen:
        name, found, value = seen.partition(relation)
        if found and value != claim.value:
            yield replace(claim, name=name, value=value)
