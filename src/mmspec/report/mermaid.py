"""The key steps as a sequence diagram of Mermaid, which many forges draw inside Markdown."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator

from mmspec.report.columns import Moment, called, moments
from mmspec.report.history import History

#: Beyond this a diagram cannot be read, and what draws it gives up.
_MOST = 250
#: What would end a statement, or a text.
_ENTITIES = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "&": "#amp;", '"': "#quot;"}


def mermaid(history: History) -> str:
    """The text."""
    return "".join(f"{line}\n" for line in _lines(history))


def _lines(history: History) -> Iterator[str]:
    with history.execution.world.active():
        found = moments(history.execution, history.namer)
    yield f"%% {_comment(history.title)}: {_comment(history.ending.headline)}"
    yield "sequenceDiagram"
    yield "  autonumber"
    for number, task in enumerate(history.trace.case.tasks):
        yield f"  participant CPU{number} as CPU{number}<br/>{_escaped(task.__name__)}"
    told = [moment for moment in found if moment.text and moment.task < history.tasks]
    for thing in dict.fromkeys(_thing(moment) for moment in told[:_MOST]):
        yield f"  participant {_id(thing)} as {_escaped(thing)}"
    yield from _messages(history, told[:_MOST])
    left = len(told) - _MOST
    over = f"CPU0,CPU{history.tasks - 1}" if history.tasks > 1 else "CPU0"
    if left > 0:
        yield f"  Note over {over}: {left} more"
    yield f"  Note over {over}: {_escaped(history.ending.headline)}"


def _messages(history: History, told: list[Moment]) -> Iterator[str]:
    """Functions as notes beside their task; accesses as arrows, reads dashed and backwards."""
    for task, group in itertools.groupby(told, key=lambda moment: moment.task):
        before = None
        for moment in group:
            call = moment.path[-1] if moment.path else None
            if call is not None and call is not before:
                yield f"  Note right of CPU{task}: {_escaped(called(call, history.namer))}"
                before = call
            name, value = moment.text.removeprefix(_thing(moment)).strip(), _id(_thing(moment))
            if _is_write(moment):
                yield f"  CPU{task}->>{value}: {_escaped(name)}"
            else:
                yield f"  {value}-->>CPU{task}: {_escaped(name)}"


def _is_write(moment: Moment) -> bool:
    return " = " in moment.text


def _thing(moment: Moment) -> str:
    """The object that a moment is about: `page 3`, `mm 0 pmd[0]`, `task 1`."""
    subject = moment.text.partition(" = ")[0].partition(" is ")[0]
    words = subject.split()
    if "pmd[" in subject or "pte[" in subject:
        return subject
    return " ".join(words[:2]) if len(words) > 2 else words[0]


def _id(thing: str) -> str:
    """An identifier; `end` and the like are keywords, so none is as short."""
    return "o_" + "".join(c if c.isalnum() and c.isascii() else "_" for c in thing)


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(c, c) for c in " ".join(html.unescape(text).split()))


def _comment(text: str) -> str:
    return " ".join(text.replace("{", "(").replace("}", ")").split())
