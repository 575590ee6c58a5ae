"""A diagram's claims as events, with the order in which they must happen."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmspec.compiler import ir
from mmspec.judge.claims import Claim, Kind
from mmspec.judge.diagram import Diagram, Line
from mmspec.judge.memory import Memory
from mmspec.judge.traced import TracedSystem, is_noted

_LIST = re.compile(r"(?<=[ \[])\d+(?:,\d+)+|(?<=[ \[])\d+|^\d+(?:,\d+)*")


@dataclass(frozen=True)
class Event:
    """Something that must happen.

    before: the events that must have happened, as bits; own: those of them in the same column.
    places: offsets that its name stands for. silent: a function without any access, or a return:
    it can be placed anywhere up to the task's next access.
    """

    number: int
    line: Line
    claim: Claim
    task: int
    before: int = 0
    own: int = 0
    places: tuple[int, ...] = ()
    silent: bool = False


class Unplaced(Exception):
    """A claim names something that this system does not have."""

    def __init__(self, line: Line, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def events_of(
    diagram: Diagram,
    memory: Memory,
    tasks: Sequence[int],
    page: str = "page 0",
    initial: bytes = b"",
) -> list[Event]:
    """All events of a diagram. tasks: which task each column is; initial: memory at first."""
    silent = silent_functions(memory.system)
    untold = untold_functions(memory.system)
    made: list[Event] = []
    for line in sorted(diagram.lines, key=lambda line: (line.row, line.column)):
        task = tasks[line.column] if line.column >= 0 else -1
        for claim in line.claims:
            for k, one in enumerate(expanded(claim)):
                places: tuple[int, ...] = ()
                if one.kind in (Kind.WRITES, Kind.HOLDS):
                    places = memory.places(one.name, page)
                    if not places:
                        raise Unplaced(line, f"there is no {one.name!r} in this system")
                if one.kind is Kind.HOLDS and one.value in ("none", "0") and len(places) > 1:
                    # an entry that was none from the beginning is not what is meant
                    used = [where for where in places if initial and memory.raw(initial, where)]
                    places = tuple(used) or places
                elif one.name in untold:
                    raise Unplaced(line, f"{one.name}() only computes: no step tells of it")
                quiet = one.kind is Kind.LEAVES or one.name in silent
                made.append(Event(len(made), line, one, task, 0, k, places, quiet))
    return _ordered(made)


def expanded(claim: Claim) -> list[Claim]:
    """A claim that lists numbers (`page 3,2,1 refcount = 1`) as one claim for each."""
    lists = [m[0].split(",") for text in (claim.name, claim.value) for m in _LIST.finditer(text)]
    most = max((len(found) for found in lists), default=1)
    if most == 1 or claim.kind is Kind.FAILS:
        return [claim]

    def chosen(text: str, k: int) -> str:
        def one(match: re.Match[str]) -> str:
            found = match[0].split(",")
            return found[k] if len(found) == most else found[min(k, len(found) - 1)]

        return _LIST.sub(one, text)

    return [
        dataclasses.replace(claim, name=chosen(claim.name, k), value=chosen(claim.value, k))
        for k in range(most)
    ]


def _ordered(events: Sequence[Event]) -> list[Event]:
    """Give each event what must have happened before it. `own` holds its place in a list."""
    made: list[Event] = []
    blocks: dict[int, list[list[Event]]] = {}
    columns = {event.task for event in events}
    for column in columns:
        blocks[column] = _blocks([e for e in events if e.task == column])
    own: dict[int, int] = {}
    for column in columns:
        done = 0
        for block in blocks[column]:
            inside = _inside(block)
            for event in block:
                own[event.number] = done | inside[event.number]
            for event in block:
                done |= 1 << event.number
    for event in events:
        before = own[event.number]
        for other in events:
            if other.task != event.task and other.line.row < event.line.row:
                before |= 1 << other.number
        if event.claim.kind is Kind.FAILS:
            before |= (1 << event.number) - 1
        made.append(dataclasses.replace(event, before=before, own=own[event.number]))
    return made


def _blocks(events: Sequence[Event]) -> list[list[Event]]:
    """Runs of a column within which lines with lists belong together; else single events."""
    lines: list[list[Event]] = []
    for event in events:
        if lines and event.own and lines[-1][-1].line is event.line:
            lines[-1].append(event)
        else:
            lines.append([event])
    made: list[list[Event]] = []
    at = 0
    while at < len(lines):
        size, end = len(lines[at]), at + 1
        if size > 1:
            n = at + 1
            edge = lines[at][0].line.indent
            while n < len(lines) and len(lines[n]) in (1, size):
                if lines[n][0].line.indent < edge:
                    break
                n += 1
                if len(lines[n - 1]) == size:
                    end = n
        made.append([event for line in lines[at:end] for event in line])
        at = end
    return made


def _inside(block: Sequence[Event]) -> dict[int, int]:
    """The order within a run: each list in its own order, what is below after what is above."""
    found: dict[int, int] = {}
    above: list[Event] = []
    row: list[Event] = []
    for event in block:
        if row and (event.line is not row[0].line or event.own == 0):
            above, row = row, []
        bits = 0
        if row:
            bits |= 1 << row[-1].number
        if above:
            same = above[event.own] if event.own < len(above) else above[0]
            bits |= 1 << same.number
            bits |= found[same.number]
        if row:
            bits |= found[row[-1].number]
        found[event.number] = bits
        row.append(event)
    return found


def untold_functions(system: TracedSystem) -> set[str]:
    """Functions of which no step tells, on any kernel, that they are entered."""
    pairs = list(zip(system.module.functions, system.names, strict=True))
    return {name for _, name in pairs} - {name for f, name in pairs if is_noted(f)}


def silent_functions(system: TracedSystem) -> set[str]:
    """Functions in which shared memory is not accessed at all."""
    functions = system.module.functions
    loud = {f for f in functions if f.has_points or _accesses(f)}
    grown = True
    while grown:
        more = {f for f in functions if f not in loud and any(c in loud for c in f.callees)}
        loud |= more
        grown = bool(more)
    pairs = list(zip(functions, system.names, strict=True))
    return {name for _, name in pairs} - {name for f, name in pairs if f in loud}


def _accesses(f: ir.Function) -> bool:
    return any(
        isinstance(instr, ir.Load | ir.Store) and isinstance(instr.location, ir.Shared)
        for block in f.blocks
        for instr in block.instrs
    )
