"""Which task a column of a diagram can be."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from mmspec.judge.diagram import Diagram
from mmspec.judge.layout import DiagramError
from mmspec.judge.search import EXIT
from mmspec.kernels.known import unknown


def programs_named(diagram: Diagram, known: Sequence[str]) -> list[str]:
    """The program of each column, where the diagram says it; else empty.

    DiagramError if `columns:` names another number of programs, or one that is not `known`.
    """
    said = diagram.front.get("columns", "")
    given = [part.strip() for part in said.split(",")] if said else []
    if not given:
        words = (re.findall(r"\w+", head) for head in diagram.heads)
        return [next((word for word in head if word in known), "") for head in words]
    for name in given:
        if name not in known:
            raise unknown("program", name, known, "mmspec list cases")
    if len(given) != len(diagram.heads):
        raise DiagramError(
            f"`columns:` names {len(given)}, but the diagram has {len(diagram.heads)}"
        )
    return given


def can_do(diagram: Diagram, column: int, calls: Set[str], exits: Set[str]) -> bool:
    """Whether who can call some functions, and then those of its exit, can be a column."""
    named = diagram.functions(column) if EXIT in calls else diagram.functions(column, EXIT)
    return named <= calls and diagram.functions(column) <= calls | exits
