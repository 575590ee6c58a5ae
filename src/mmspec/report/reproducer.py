"""A C program that asks of a real kernel what the scenario asks, in the manner of a kselftest.

It cannot force the interleaving: it says where to delay, and tries many times.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from mmspec.lang.context import reading
from mmspec.report.history import History, Step, place_of
from mmspec.report.programs import Asked, asked
from mmspec.report.text import command, text
from mmspec.spec.machine import sizes


def reproducer(history: History) -> str:
    """The C text."""
    trace = history.trace
    environment = jinja2.Environment(  # not a page: C is not escaped, but see _comment
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("mmspec.report").joinpath("page", "reproducer.c").read_text(encoding="utf-8")
    )
    changes = trace.target.view.changes
    with reading(trace.config, changes):
        memory = _Memory(int(sizes.USER_BASE), int(sizes.HPAGE_PMD_NR), sizes.PAGE_SIZE)
        huge_pages = int(sizes.PTRS_PER_PMD)
    set_up = asked(trace.case.set_up, trace.config, changes)
    forked = {call.arguments[0] for call in set_up if call.name == "fork" and call.arguments}
    return template.render(
        title=_comment(history.title),
        about=_comment_lines(text(history)),
        replay=_comment(command(history.file)),
        headline=_quoted(history.ending.headline),
        name=_quoted(history.title),
        huge_pages=huge_pages,
        set_up=[_statement(call, memory, True) for call in set_up],
        tasks=[
            _Task(
                number,
                _comment(task.__name__),
                number in forked,
                [_statement(c, memory, False) for c in asked(task, trace.config, changes)],
            )
            for number, task in enumerate(trace.case.tasks)
        ],
        switches=[
            line.replace("\t", " * ")
            for n, switch in enumerate(_switches(history), 1)
            for line in _wrapped(n, switch)
        ],
    )


@dataclass(frozen=True)
class _Task:
    number: int
    name: str
    is_process: bool
    statements: list[str]


@dataclass(frozen=True)
class _Memory:
    """Where the specification's addresses are: huge pages there have fewer subpages."""

    base: int
    subpages: int
    page_size: int

    def at(self, address: int) -> str:
        """An address in C. The last subpage stays the last."""
        huge, page = divmod((address - self.base) // self.page_size, self.subpages)
        byte = f" + {address % self.page_size}" if address % self.page_size else ""
        if page == 0:
            return f"huge({huge}){byte}"
        if page == self.subpages - 1:
            return f"huge({huge + 1}) - page_size{byte}"
        return f"huge({huge}) + {page} * page_size{byte}"

    def length(self, address: int, length: int) -> str:
        """A length in C."""
        whole = self.subpages * self.page_size
        if length % whole == 0 and (address - self.base) % whole == 0:
            return f"{length // whole} * huge_size"
        if length == self.page_size:
            return "page_size"
        return f"{self.at(address + length)} - ({self.at(address)})"


# ------------------------------------------------------------------------------ statements


def _statement(call: Asked, memory: _Memory, setting_up: bool) -> str:
    make = _STATEMENTS.get(call.name)
    if make is None:
        return f"/* {_comment(call.name)}{call.arguments}: to be written by hand */"
    try:
        found = make(memory, *call.arguments)
    except TypeError:
        return f"/* {_comment(call.name)}{call.arguments}: to be written by hand */"
    if call.name == "fork":
        return f"start_process({call.arguments[0]});" if setting_up else found
    return found


def _mapped(memory: _Memory, start: int, length: int) -> str:
    return f"map_at({memory.at(start)}, {memory.length(start, length)}, 0);"


def _mapped_locked(memory: _Memory, start: int, length: int) -> str:
    return f"map_at({memory.at(start)}, {memory.length(start, length)}, MAP_LOCKED);"


def _unmapped(memory: _Memory, start: int, length: int) -> str:
    return f'tried("munmap", munmap({memory.at(start)}, {memory.length(start, length)}));'


def _dropped(memory: _Memory, start: int, length: int) -> str:
    where = f"{memory.at(start)}, {memory.length(start, length)}"
    return f'tried("madvise", madvise({where}, MADV_DONTNEED));'


def _freed(memory: _Memory, start: int, length: int) -> str:
    where = f"{memory.at(start)}, {memory.length(start, length)}"
    return f'tried("madvise", madvise({where}, MADV_FREE));'


def _bound(memory: _Memory, start: int, length: int, nodes: int, flags: int) -> str:
    where = f"{memory.at(start)}, {memory.length(start, length)}"
    return f"bind_to({where}, {nodes:#x}, {flags:#x});"


def _migrated(memory: _Memory, source: int, target: int, flags: int) -> str:
    return f"migrate_to({source:#x}, {target:#x});"


def _moved(memory: _Memory, start: int, count: int, node: int, every: int) -> str:
    return f"move_to({memory.at(start)}, {count}, {node}, {2 << bool(every)});"


_STATEMENTS: dict[str, Callable[..., str]] = {
    "boot": lambda memory: "/* the machine is running */",
    "mmap": _mapped,
    "mmap_locked": _mapped_locked,
    "munmap": _unmapped,
    "madvise_dontneed": _dropped,
    "madvise_free": _freed,
    "mbind": _bound,
    "migrate_pages": _migrated,
    "move_pages": _moved,
    "store": lambda memory, address, value: f"store({memory.at(address)}, {value});",
    "load": lambda memory, address: f"load({memory.at(address)});",
    "fork": lambda memory, task: "fork_and_stay();",
    "clear_refs": lambda memory: 'write_to("/proc/self/clear_refs", "4");',
    "share_mm": lambda memory, task: f"start_thread({task});",
    "split_huge_pages_set": lambda memory: 'write_to("/sys/kernel/debug/split_huge_pages", "1");',
}


# -------------------------------------------------------------------------- where to delay


@dataclass(frozen=True)
class _Switch:
    """A task stops after a step, and goes on when another has done something."""

    task: int
    where: str
    after: str
    other: int
    until: str
    in_kernel: bool


def _switches(history: History) -> Iterator[_Switch]:
    steps = [step for step in history.steps if not step.exiting]
    runs: list[list[Step]] = []
    for step in steps:
        if not runs or runs[-1][0].task != step.task:
            runs.append([])
        runs[-1].append(step)
    for run, other in zip(runs, runs[1:], strict=False):
        place = place_of(run[-1].stack)
        restates = place.call.restates if place else ""
        where = f"{restates}:{place.call.function}()" if place and restates else "user code"
        yield _Switch(run[-1].task, where, _last(run), other[-1].task, _last(other), restates != "")


def _last(run: list[Step]) -> str:
    """The last thing in a run that matters."""
    step = next((s for s in reversed(run) if s.is_key), None)
    step = step or next((s for s in reversed(run) if s.changes), run[-1])
    return step.texts()[-1]


def _wrapped(number: int, switch: _Switch) -> list[str]:
    how = "mdelay() there" if switch.in_kernel else "usleep() there"
    told = (
        f"{number}. task{switch.task} stops in {switch.where}, after `{switch.after}`, until "
        f"task{switch.other} has come to `{switch.until}`: {how}."
    )
    return [f"\t{line}" for line in textwrap.wrap(_comment(told), 76, subsequent_indent="   ")]


# --------------------------------------------------------------------------------- C text


def _comment(text: str) -> str:
    """Text for a comment: nothing in it ends or begins one, or joins lines."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"\\+$", "", text.replace("*/", "* /").replace("/*", "/ *")).rstrip()


def _comment_lines(text: str) -> list[str]:
    return [f" * {_comment(line)}".rstrip() for line in text.splitlines()]


def _quoted(text: str) -> str:
    """A string literal, that printf takes as it is."""
    safe = "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
    for char in '\\"':
        safe = safe.replace(char, f"\\{char}")
    return '"' + safe.replace("??", "?") + '"'
