"""What a kernel would print when it notices; or, if it would notice nothing, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mmspec.lang.structs import Struct
from mmspec.lang.world import Task, World
from mmspec.report import names
from mmspec.report.execution import Execution, Place
from mmspec.report.names import Namer
from mmspec.spec.page.mm_types import Mm, Page

_RSS = ("MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES")


def splat(execution: Execution, namer: Namer) -> list[str]:
    """The lines; to be called while the execution is the world that is spoken of."""
    end = execution.end
    make = _BY_KIND.get(end.kind, _unnoticed)
    return [*make(execution, namer), *_trace(end.stack)]


def _trace(stack: tuple[Place, ...]) -> list[str]:
    calls = [
        place.call for place in reversed(stack) if place.call.restates or not place.call.atomic
    ]
    if not calls:
        return []
    return ["Call Trace:", *(f" {c.function}" for c in calls)]


def _page(page: Any) -> Iterator[str]:
    """__dump_page()."""
    index = page._mmspec_index
    mapcount = page._mapcount + 1
    yield (
        f"page:{index:05} refcount:{page._refcount} mapcount:{mapcount} "
        f"mapping:{_word(page.mapping)} index:{page.index:#x}"
    )
    yield f"flags: {page.flags:#x}({names.flags(page.flags) if page.flags else ''})"


def _word(value: int) -> str:
    """A pointer as %p has it, unless it means something here."""
    text = names.mapping(value)
    return text if not text.lstrip("-").isdigit() else f"{value & 0xFFFFFFFF:08x}"


def _pages(execution: Execution) -> Iterator[str]:
    for obj in execution.end.objects:
        if isinstance(obj, Page):
            yield from _page(obj)


def _where(execution: Execution) -> str:
    """The innermost function that restates one of the kernel's."""
    for place in reversed(execution.end.stack):
        if place.call.restates:
            return f"{place.call.restates}:{place.call.function}()"
    return execution.end.stack[-1].call.function + "()" if execution.end.stack else "?"


def _process(execution: Execution) -> str:
    return f"task{execution.end.task}"


def _bug(execution: Execution, namer: Namer) -> Iterator[str]:
    text = execution.end.text
    if "PAGE" in text:
        yield from _pages(execution)
        yield f"page dumped because: {text}"
    yield "------------[ cut here ]------------"
    yield f"kernel BUG at {_where(execution)}"
    if "PAGE" not in text and text:
        yield f" {text}"


def _warning(execution: Execution, namer: Namer) -> Iterator[str]:
    yield from _pages(execution)
    yield "------------[ cut here ]------------"
    yield f"WARNING: CPU: {execution.end.task} at {_where(execution)}"
    yield f" {execution.end.text}"


def _oops(execution: Execution, namer: Namer) -> Iterator[str]:
    yield "BUG: unable to handle kernel NULL pointer dereference"
    yield f"IP: {_where(execution)}"
    yield f" {execution.end.text}"


def _bad_page(execution: Execution, namer: Namer) -> Iterator[str]:
    pages = [obj for obj in execution.end.objects if isinstance(obj, Page)]
    number = f"  pfn:{pages[0]._mmspec_index:05}" if pages else ""
    yield f"BUG: Bad page state in process {_process(execution)}{number}"
    yield from _pages(execution)
    yield f"page dumped because: {execution.end.text}"


def _check_mm(execution: Execution, namer: Namer) -> Iterator[str]:
    """All that check_mm() prints: it goes on after the first."""
    for mm in execution.end.objects:
        if isinstance(mm, Mm):
            for member in range(len(_RSS)):
                if mm.rss[member]:
                    at = f"{namer.struct(mm)} idx:{member} val:{mm.rss[member]}"
                    yield f"BUG: Bad rss-counter state mm:{at} ({_RSS[member]})"
            if mm.nr_ptes:
                yield f"BUG: non-zero nr_ptes on freeing mm: {mm.nr_ptes}"


def _plain(execution: Execution, namer: Namer) -> Iterator[str]:
    yield f"BUG: {execution.end.text.removeprefix('BUG: ')}"
    yield from _pages(execution)


def _unnoticed(execution: Execution, namer: Namer) -> Iterator[str]:
    yield f"mmspec: {execution.end.text}"
    yield " (no kernel looks at this: it would go on)"


def _false(execution: Execution, namer: Namer) -> Iterator[str]:
    yield f"mmspec: this does not hold: {execution.end.text}"
    yield " (no kernel looks at this: it would go on)"


# ------------------------------------------------------------------------------- who waits


def _deadlock(execution: Execution, namer: Namer) -> Iterator[str]:
    for task in execution.world.tasks:
        if task.finished:
            continue
        yield f"INFO: task task{task.number}:{task.number} blocked for more than 120 seconds."
        yield f" waits in {waits_in(execution, task, namer)}"
        for lock in _wanted(task):
            number = execution.world.lock_number(lock)
            owners = [f"task{t.number}" for t in execution.world.tasks if number in t.held]
            if owners:
                yield f" {namer.struct(lock)} is held by {', '.join(owners)}"
        held = holds(execution, task, namer)
        if held:
            yield f" holds {', '.join(held)}"


def _wanted(task: Task) -> list[Struct]:
    """What the blocked function was called with: a lock, or what is waited for."""
    frame = task.greenlet.gr_frame if task.greenlet is not None else None
    while frame is not None:
        args = frame.f_locals.get("args")
        if frame.f_code is World.atomic_step.__code__ and isinstance(args, tuple):
            return [arg for arg in args if isinstance(arg, Struct)]
        frame = frame.f_back
    return []


def waits_in(execution: Execution, task: Task, namer: Namer) -> str:
    """The function in which a task is blocked, with what it waits for."""
    found = [where.call for where in execution.stack_of(task.number)]
    arguments = [namer.struct(obj) for obj in _wanted(task)]
    what = f"{task.stop[1] or 'wait_until'}({', '.join(arguments)})"
    path = [call.function for call in found[::-1] if call.restates][:2]
    return what + "".join(f" < {name}" for name in path)


def holds(execution: Execution, task: Task, namer: Namer) -> list[str]:
    """The locks that a task holds."""
    world = execution.world
    found = []
    for cls in world.layout.structs:
        for index in range(world.layout.count[cls]):
            shared = task.held.get(world.lock_number(cls.at(index)))
            if shared is not None:
                found.append(namer.struct(cls.at(index)) + (" (shared)" if shared else ""))
    return found


def _race(execution: Execution, namer: Namer) -> Iterator[str]:
    """As KCSAN reports: what was accessed, and both stacks."""
    end = execution.end
    others = [t for t in execution.world.tasks if t.number != end.task and not t.finished]
    second = f" / {_outer(execution, others[0].number)}" if others else ""
    yield f"BUG: KCSAN: data-race in {_outer(execution, end.task)}{second}"
    yield f" {end.text}"
    for other in others:
        yield f"meanwhile task{other.number} on cpu {other.number}:"
        yield from (
            f" {where.call.function}"
            for where in reversed(execution.stack_of(other.number))
            if where.call.restates
        )
        held = holds(execution, other, namer)
        if held:
            yield f" holds {', '.join(held)}"
    yield f"access by task{end.task} on cpu {end.task}:"


def _outer(execution: Execution, task: int) -> str:
    stack = execution.end.stack if task == execution.end.task else execution.stack_of(task)
    found = [where.call.function for where in stack if where.call.restates]
    return found[-1] if found else "user code"


_BY_KIND: dict[str, Callable[[Execution, Namer], Iterator[str]]] = {
    "VM_BUG_ON": _bug,
    "BUG_ON": _bug,
    "WARNING": _warning,
    "oops": _oops,
    "Bad page state": _bad_page,
    "Bad rss-counter state": _check_mm,
    "non-zero nr_ptes": _check_mm,
    "bad pmd": _plain,
    "bad pte": _plain,
    "list corruption": _plain,
    "sleeping in atomic context": _plain,
    "deadlock": _deadlock,
    "data race": _race,
    "property": _false,
}
