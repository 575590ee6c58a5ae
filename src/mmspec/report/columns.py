"""A schedule as kernel people draw it: one column for each CPU, time runs downwards.

Only what tasks tell each other is shown: a write that another task reads (or that the violation
speaks of), a read of what another task has written, each below the functions it happens in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mmspec.lang.structs import Struct
from mmspec.lang.world import Access
from mmspec.report.execution import Call, Event, Execution
from mmspec.report.execution import Place as Where
from mmspec.report.names import Namer
from mmspec.spec.machine.locks import RwSemaphore, SpinLock, TriedSemaphore
from mmspec.spec.page.mm_types import Cpu, Pglist

WIDTH = 72
#: What tasks use to get out of each other's way, and statistics: not what the story is about.
_LOCKS = (SpinLock, RwSemaphore, TriedSemaphore)
_DULL = {"stat", "data", "order", "index", "private", "last_store", "zapped"}
_SILENT = {"last_store", "zapped", "rss", "stat", "nr_ptes", "tlb_flush_batched"}


@dataclass
class Node:
    """A line of a column, and what happens below it. key: the call it stands for, or None."""

    key: object
    text: str
    children: list[Node] = field(default_factory=list)

    @property
    def pattern(self) -> str:
        """The whole, with its numbers left out: what is done to one page after another is alike."""
        return "\n".join([_NUMBER.sub("#", self.text), *(c.pattern for c in self.children)])


_NUMBER = re.compile(r"(?<=[ \[])\d+(?:,\d+)*")


def is_silent(access: Access) -> bool:
    """Whether an access is about locks or counts only."""
    owner = access.field.owner
    if access.field.discipline.kind == "immutable":
        return True
    return owner in _LOCKS or access.field.name in _SILENT or owner in (Cpu, Pglist)


def is_landmark(access: Access) -> bool:
    """Whether a write changes how memory is mapped, or whose a page is."""
    name = str(access.field)
    if name == "Page._refcount":
        return 0 in (access.old, access.new)
    return name in ("Pmd.val", "Pte.val", "Page.compound_head", "Page.buddy")


def telling(execution: Execution) -> set[int]:
    """Events, by identity, that matter to another task or to the violation."""
    layout = execution.world.layout
    last_write: dict[int, tuple[int, Event | None]] = {}
    told: set[tuple[int, int, int]] = set()
    found: set[int] = set()
    for step in execution.steps:
        for event in step.events:
            access = event.access
            slot = layout.slot(access.field, access.index, access.element)
            if access.kind == "write":
                if access.old != access.new:
                    last_write[slot] = step.task, event
                    if is_landmark(access):
                        found.add(id(event))
                continue
            if is_silent(access):
                continue
            writer, write = last_write.get(slot, (step.task, None))
            if writer != step.task and write is not None:
                key = slot, id(write), step.task
                if key not in told:
                    told.add(key)
                    found |= {id(write), id(event)}
    wanted = {layout.slot(a.field, a.index, a.element) for a in execution.end.reads}
    for obj in execution.end.objects:
        wanted |= set(_slots(execution, obj))
    for slot in wanted & set(last_write):
        found.add(id(last_write[slot][1]))
    return found


def _slots(execution: Execution, obj: Struct) -> Iterable[int]:
    layout = execution.world.layout
    for part in type(obj).fields().values():
        if not part.is_embedded and part.name not in _DULL:
            for k in range(part.count):
                yield layout.slot(part, obj._mmspec_index, k)


@dataclass(frozen=True)
class Moment:
    """Something to show: the task, the functions it happens in, outermost first, what it is."""

    task: int
    path: tuple[Call, ...]
    text: str


def moments(execution: Execution, namer: Namer) -> list[Moment]:
    """All there is to show, in the order of time."""
    shown = telling(execution)
    places = {place.slot: place for place in namer.places}
    layout = execution.world.layout
    memory = list(execution.after_set_up)
    found: list[Moment] = []
    for step in execution.steps:
        for event in step.events:
            access = event.access
            slot = layout.slot(access.field, access.index, access.element)
            memory[slot] = access.new
            if id(event) in shown:
                name, value = namer.said(places[slot], access.new, memory)
                verb = "=" if access.kind == "write" else "is"
                found.append(Moment(step.task, _path(event.stack), f"{name} {verb} {value}"))
    if execution.end.stack:
        found.append(Moment(execution.end.task, _path(execution.end.stack), ""))
    return found or _begun(execution)


def _begun(execution: Execution) -> list[Moment]:
    """Where nothing is telling: the programs, as they begin."""
    first: dict[int, Moment] = {}
    for step in execution.steps:
        for event in step.events:
            first.setdefault(step.task, Moment(step.task, _path(event.stack)[:1], ""))
    return list(first.values())


def _path(stack: Sequence[Where]) -> tuple[Call, ...]:
    """The program, and below it what restates the kernel: helpers and single steps left out."""
    calls = [where.call for where in stack]
    return tuple(call for n, call in enumerate(calls) if n == 0 or call.restated)


def draw(found: Sequence[Moment], namer: Namer) -> list[tuple[int, str]]:
    """Lines of each column, as (task, text), in the order of time."""
    made: list[tuple[int, str]] = []
    before: dict[int, tuple[Call, ...]] = {}
    for task, group in itertools.groupby(found, key=lambda m: m.task):
        roots: list[Node] = []
        resumed = before.get(task, ())
        common = len(resumed)
        for moment in group:
            _insert(roots, moment, namer)
            common = min(common, _same(resumed, moment.path))
            before[task] = moment.path
        folded = _folded(roots)
        made += [(task, text) for text in _texts(folded, 0, common)]
    return made


def _same(a: Sequence[Call], b: Sequence[Call]) -> int:
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x is not y), min(len(a), len(b))
    )


def _insert(roots: list[Node], moment: Moment, namer: Namer) -> None:
    level = roots
    for call in moment.path:
        if not level or level[-1].key is not call:
            level.append(Node(call, called(call, namer)))
        level = level[-1].children
    if moment.text:
        level.append(Node(None, moment.text))


def _folded(nodes: Sequence[Node]) -> list[Node]:
    """Merge neighbours that are alike but for numbers."""
    made: list[Node] = []
    for node in nodes:
        node.children = _folded(node.children)
        if made and made[-1].pattern == node.pattern:
            made[-1] = _merged(made[-1], node)
        else:
            made.append(node)
    return made


def _merged(a: Node, b: Node) -> Node:
    numbers = iter(_NUMBER.findall(b.text))

    def joined(match: re.Match[str]) -> str:
        other = next(numbers)
        known = match[0].split(",")
        return match[0] if other in known else ",".join([*known, other])

    text = _NUMBER.sub(joined, a.text)
    children = [_merged(x, y) for x, y in zip(a.children, b.children, strict=True)]
    return Node(a.key, text, children)


def _texts(nodes: Sequence[Node], depth: int, resumed: int) -> Iterator[str]:
    """resumed: how many levels are functions the task was in before others ran."""
    for node in nodes:
        alone = len(nodes) == 1 and len(node.children) == 1 and node.children[0].key is not None
        if resumed > 1 or (resumed == 1 and alone):
            # known from above
            if resumed == 1:
                node.children[0].text = "… " + node.children[0].text
            yield from _texts(node.children, depth, resumed - 1)
            resumed = 0
            continue
        if resumed == 1:
            yield " " * depth + "… " + node.text
            resumed = 0
        elif alone and depth > 1 and node.children[0].children and len(node.children) == 1:
            yield from _texts(node.children, depth, 0)
            continue
        else:
            yield " " * depth + node.text
        yield from _texts(node.children, depth + 1, 0)


#: Parameters that say which of several calls this is, the most telling first.
TELLING = ("page", "head", "old", "new", "vma")


def called(call: Call, namer: Namer) -> str:
    """A function with the argument that tells most."""
    arguments = dict(call.arguments)
    told = next((arguments[name] for name in TELLING if name in arguments), None)
    return f"{call.function}({namer.struct(told)})" if isinstance(told, Struct) else call.function


#: Characters of a column that indentation leaves, unless it is this or less.
_LEAST, NARROW_INDENT = 20, 3


def columns(drawn: Sequence[tuple[int, str]], tasks: int, width: int = WIDTH) -> list[str]:
    """Lines of plain text, `width` wide. Children that only exit have a column, too."""
    tasks = max([tasks, *(task + 1 for task, _ in drawn)])
    each = (width - 2 * (tasks - 1)) // tasks
    made = ["  ".join(f"CPU{n}".ljust(each) for n in range(tasks)).rstrip()]
    for task, text in drawn:
        for part in _wrapped(text, each):
            made.append((" " * ((each + 2) * task) + part).rstrip())
    return made


def _wrapped(text: str, width: int) -> list[str]:
    """Break a line that is too long for its column; what follows is indented further."""
    found = []
    bare = text.lstrip()
    # in a narrow column not all levels can be shown
    indent = min(len(text) - len(bare), max(NARROW_INDENT, width - _LEAST))
    text = " " * indent + bare
    while len(text) > width:
        at = text.rfind(" ", indent + 3, width + 1)
        if at < 0:
            # within a word: before its arguments, or where two words are one name, or several flags
            call = text.rfind("(", indent + 3, width)
            part = max(text.rfind(c, indent + 3, width) for c in "_|")
            at = call if call > 0 else part + 1 if part > 0 else width
        found.append(text[:at].rstrip())
        text = " " * (indent + 2) + text[at:].lstrip()
    return [*found, text]
