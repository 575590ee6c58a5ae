"""What would have to change in an infeasible diagram: the smallest change that is found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mmspec.judge.claims import Claim, Kind
from mmspec.judge.diagram import Line
from mmspec.judge.search import Found, Limits, Product

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
        tried = judge.tried(change.diagram, made.reading, limits)
        if tried is None:
            continue
        if change.dropped is None:
            return change
        for other in _refined(judge, made, change.dropped, *tried):
            if judge.tried(other.diagram, made.reading, limits) is not None:
                return other
        if not change.values_only:
            return change
    return None


def _refined(
    judge: Judge, made: Judgement, line: Line, product: Product, found: Found
) -> Iterator[Change]:
    """With a line left out it is feasible: what could the line say, then?"""
    from mmspec.judge.verdict import Change

    claim = next((c for c in line.claims if c.kind in (Kind.HOLDS, Kind.WRITES)), None)
    if claim is None or found.steps is None:
        return
    memory = judge.bench.memory
    places = memory.places(claim.name, made.diagram.front.get("page", "page 0"))
    times = [(e.line.row, found.at.get(e.number, 0)) for e in product.events]
    first = max((at for row, at in times if row < line.row), default=0)
    last = min((at for row, at in times if row > line.row), default=len(found.steps))
    values: dict[tuple[str, str], None] = {}
    for shared in product.graph.along(found.steps)[first : last + 1]:
        for where in places:
            values[memory.said(where, memory.raw(shared, where), shared)] = None
    for name, value in list(values)[:4]:
        new = replace(claim, name=name, value=value)
        claims = [new if c is claim else c for c in line.claims]
        yield Change(f"line {line.number} says `{new}`", made.diagram.changed(line, claims))


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
    told = [x for x in diagram.lines if x is not line and _is_value(x) and x.row <= line.row]
    for other in sorted(told, key=lambda x: -x.row)[:6]:
        yield Change("", diagram.without(other), other, values_only=True)
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
    yield Change(f"line {line.number} is left out", diagram.without(line), line)
    for other in others:
        yield Change(f"line {other.number} is left out", diagram.without(other), other)


def _is_value(line: Line) -> bool:
    return any(claim.kind in (Kind.HOLDS, Kind.WRITES) for claim in line.claims)


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
