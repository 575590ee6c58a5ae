"""What happened in an execution, step by step and in words: every form of report draws from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mmspec.lang.structs import Struct
from mmspec.lang.world import Access
from mmspec.report import names, terminal
from mmspec.report.columns import is_silent, telling
from mmspec.report.execution import Call, Event, Place, StepTaken, confirm
from mmspec.report.names import Namer
from mmspec.report.recorded import Recorded, Standing
from mmspec.report.splat import splat
from mmspec.report.trace import Trace
from mmspec.spec.machine.locks import RwSemaphore, SpinLock, TriedSemaphore
from mmspec.spec.page.mm_types import Page

_LOCKS = (SpinLock, RwSemaphore, TriedSemaphore)
#: What says nothing about an object that a check complains of.
_DULL = (
    "data",
    "index",
    "private",
    "order",
    "last_store",
    "zapped",
    "used",
    "mm_users",
    "mm_count",
)


#: How a step begins that is no access and no call.
_BEGINS = {"entry": "begins", "choose": "chooses", "end": "ends"}
#: A kernel that differs from another in so many changes is named after it.
_NEAR = 3
_NO_DEBUG = ", no DEBUG_VM"


@dataclass(frozen=True)
class Seen:
    """A scalar of shared memory that a step writes, or reads.

    name, value, before: in words; before is None for a read. raw, old: as stored, now and before.
    telling: whether it matters to another task, or to the violation. silent: whether it is about
    locks or counts.
    """

    slot: int
    name: str
    value: str
    before: str | None
    raw: int
    old: int
    stack: tuple[Place, ...]
    telling: bool
    silent: bool
    is_lock: bool

    @property
    def place(self) -> Place:
        """Where."""
        return self.stack[-1]

    @property
    def changed(self) -> bool:
        """Whether it is a write that changes something."""
        return self.before is not None and self.before != self.value

    @property
    def is_head(self) -> bool:
        """Whether it is about which compound a page belongs to: everybody looks at that first."""
        return self.name.endswith(" compound_head")

    @property
    def text(self) -> str:
        """As the columns of the report have it."""
        return f"{self.name} {'is' if self.before is None else '='} {self.value}"


@dataclass(frozen=True)
class Locks:
    """What a task has after a step: held, as (name, shared); waits for, and where."""

    held: tuple[tuple[str, bool], ...] = ()
    waits: tuple[str, ...] = ()
    does: str = ""
    blocked: bool = False


@dataclass(frozen=True)
class Step:
    """One step. number: from 1. exiting: whether it is behind the schedule, when processes exit.

    stack: where what matters most in it is done, outermost first. renamed: scalars whose word is to
    be read differently from now on, as (slot, name, value). is_key: whether another task notices
    it, or the violation speaks of it.
    """

    number: int
    task: int
    choice: int
    exiting: bool
    stack: tuple[Place, ...]
    seen: tuple[Seen, ...]
    renamed: tuple[tuple[int, str, str], ...]
    locks: tuple[Locks, ...]
    begins: str
    is_key: bool

    @property
    def changes(self) -> list[Seen]:
        """What it writes, if that changes anything."""
        return [seen for seen in self.seen if seen.changed]

    @property
    def path(self) -> list[Call]:
        """The program, and the kernel's functions below it."""
        return path(self.stack)

    def texts(self) -> list[str]:
        """What it does, in a few words each: what is telling, or else whatever there is."""
        found = [seen.text for seen in self.seen if seen.telling]
        found = found or [s.text for s in self.changes if not s.silent]
        found = found or [s.text for s in self.changes if not s.is_lock]
        found = found or list(self.taken())
        found = found or [s.text for s in self.seen if not s.is_lock and not s.is_head][-1:]
        found = found or [s.text for s in self.seen if not s.is_lock][:1]
        return list(dict.fromkeys(found)) or [self.begins]

    def taken(self) -> Iterator[str]:
        """The locks that it takes and gives back, in words."""
        for seen in self.changes:
            if seen.is_lock:
                thing = seen.name.rpartition(" ")[0]
                verb = "takes" if seen.raw > seen.old else "releases"
                yield f"{verb} {thing}"


@dataclass(frozen=True)
class Ending:
    """What is wrong at the end.

    splat: what a kernel prints. headline: its first line that says something. disagree: what the
    check has read, as (name, value); looked: how to call that. stack: of the task that hit it, or
    is stuck.
    """

    kind: str
    name: str
    sentence: str
    explanation: str
    splat: tuple[str, ...]
    headline: str
    looked: str
    disagree: tuple[tuple[str, str], ...]
    locals: tuple[tuple[str, str], ...]
    task: int
    stack: tuple[Place, ...]


@dataclass(frozen=True)
class History:
    """An execution of a trace, told. file: the trace's name, for the command that replays it."""

    trace: Trace
    file: str
    execution: Recorded
    namer: Namer
    start: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    ending: Ending

    @property
    def title(self) -> str:
        """The scenario, the case and the kernel."""
        trace = self.trace
        return f"{trace.scenario.name} {trace.case.name} on {self.kernel}"

    @property
    def kernel(self) -> str:
        """The kernel, by its name in the scenario's table or that of one that is much like it."""
        kernel = self.trace.target.kernel
        name = kernel.name.removesuffix(_NO_DEBUG)
        rows = [(len(r.kernel.changes ^ kernel.changes), r) for r in self.trace.scenario.rows]
        far, row = min(rows, key=lambda pair: pair[0], default=(99, None))
        if row is not None and far <= _NEAR:
            more = sorted(f" + {c}" for c in kernel.changes - row.kernel.changes)
            less = sorted(f" - {c}" for c in row.kernel.changes - kernel.changes)
            name = "".join([row.name, *more, *less])
        return name + ("" if kernel.debug_vm else _NO_DEBUG)

    @property
    def tasks(self) -> int:
        """How many tasks run at the same time."""
        return len(self.trace.case.tasks)

    def told(self) -> list[str]:
        """The report of `mmspec check`."""
        trace = self.trace
        return terminal.report(self.execution, trace.case, trace.config, trace.violation)


def path(stack: Sequence[Place]) -> list[Call]:
    """The program, and below it what restates the kernel: helpers and single steps left out."""
    calls = [where.call for where in stack]
    return [call for n, call in enumerate(calls) if n == 0 or call.restated]


def place_of(stack: Sequence[Place]) -> Place | None:
    """Where a stack is: in the innermost function of the kernel that takes more than one step."""
    shown = [p for n, p in enumerate(stack) if n == 0 or p.call.restated]
    return shown[-1] if shown else None


def tell(trace: Trace, file: str) -> History:
    """Execute a trace, and note what each step does; ModelError if it does not fit."""
    execution = Recorded(trace.case, trace.config, trace.target, merged=trace.merged)
    confirm(trace.case, trace.config, trace.target, trace.violation, execution=execution)
    with execution.world.active():
        namer = Namer(execution.world.layout)
        writer = _Writer(trace, execution, namer)
        start = tuple(writer.words)
        steps = tuple(map(writer.step, execution.steps, execution.standings))
        ending = _ending(trace, execution, namer, writer.memory)
        if ending.kind == "deadlock":
            steps, ending = _deadlocked(steps, ending)
    return History(trace, file, execution, namer, start, steps, ending)


class _Writer:
    """Puts one step after the other into words. words: of each scalar, as (name, value), now."""

    def __init__(self, trace: Trace, execution: Recorded, namer: Namer) -> None:
        self.execution = execution
        self.namer = namer
        self.scheduled = len(trace.violation.steps)
        self.layout = execution.world.layout
        self.memory = list(execution.after_set_up)
        self.words = [self._said(slot, value) for slot, value in enumerate(self.memory)]
        self.telling = telling(execution)
        self.lock_names = _lock_names(execution, namer)

    def _said(self, slot: int, value: int) -> tuple[str, str]:
        return self.namer.said(self.namer.places[slot], value, self.memory)

    def step(self, taken: StepTaken, standings: tuple[Standing, ...]) -> Step:
        seen = tuple(self._seen(event) for event in taken.events)
        last = taken.number == len(self.execution.steps)
        end = self.execution.end
        stack = _main(seen).stack if seen else taken.stack
        if last and end.task == taken.task and end.stack and not stack:
            stack = end.stack
        kind, name = taken.name
        return Step(
            taken.number,
            taken.task,
            taken.choice,
            taken.number > self.scheduled,
            stack,
            seen,
            tuple(self._renamed(seen)),
            tuple(self._locks(standing) for standing in standings),
            _BEGINS.get(kind, name),
            any(one.telling for one in seen),
        )

    def _seen(self, event: Event) -> Seen:
        access = event.access
        slot = self.layout.slot(access.field, access.index, access.element)
        before: str | None = None
        if access.kind == "write":
            before = self._said(slot, access.old)[1]
            self.memory[slot] = access.new
        name, value = self._said(slot, access.new)
        self.words[slot] = name, value
        return Seen(
            slot,
            name,
            value,
            before,
            access.new,
            access.old,
            event.stack,
            id(event) in self.telling,
            is_silent(access),
            _is_lock(access),
        )

    def _renamed(self, seen: Sequence[Seen]) -> Iterator[tuple[int, str, str]]:
        """The first tail's mapping is a count while it is a tail."""
        for one in seen:
            field = self.namer.places[one.slot].field
            if one.changed and str(field) == "Page.compound_head":
                index = self.namer.places[one.slot].index
                slot = self.layout.slot(Page.fields()["mapping"], index)
                said = self._said(slot, self.memory[slot])
                if said != self.words[slot]:
                    self.words[slot] = said
                    yield slot, *said

    def _locks(self, standing: Standing) -> Locks:
        held = tuple((self.lock_names[n], shared) for n, shared in standing.held)
        if not standing.waits:
            return Locks(held)
        wanted = tuple(self.lock_names[n] for n in standing.wanted)
        return Locks(held, wanted, standing.does, True)


def _main(seen: Sequence[Seen]) -> Seen:
    """What matters most in a step."""
    orders: tuple[Callable[[Seen], bool], ...] = (
        lambda one: one.telling,
        lambda one: one.changed and not one.silent,
        lambda one: one.changed and not one.is_lock,
        lambda one: one.changed,
    )
    return next((one for order in orders for one in seen if order(one)), seen[0])


def _is_lock(access: Access) -> bool:
    return access.field.owner in _LOCKS


def _lock_names(execution: Recorded, namer: Namer) -> dict[int, str]:
    """What can be held, by number; a page stands for its own lock."""
    world = execution.world
    found = {}
    for cls in world.layout.structs:
        for index in range(world.layout.count[cls]):
            name = names.thing(world.layout, cls, index)
            number = world.lock_number(cls.at(index))
            found[number] = f"{name} lock" if cls is Page else name
    return found


def _ending(trace: Trace, execution: Recorded, namer: Namer, memory: Sequence[int]) -> Ending:
    end, violation = execution.end, trace.violation
    layout = execution.world.layout
    disagree = []
    for access in end.reads:
        slot = layout.slot(access.field, access.index, access.element)
        disagree.append(namer.said(namer.places[slot], access.new, memory))
    if not disagree:
        for obj in end.objects:
            disagree += _members(namer, obj, memory)
    broken = violation.broken
    sentence = broken.sentence if broken is not None else "no deadlock"
    explanation = "Every task can go on until it has ended."
    lines = tuple(splat(execution, namer))
    return Ending(
        end.kind,
        violation.name,
        sentence,
        broken.explanation if broken is not None else explanation,
        lines,
        headline(lines),
        "But it has read, in this order:" if end.reads else "What the check looked at:",
        tuple(dict.fromkeys(disagree)),
        tuple((n, namer.local(n, v)) for n, v in end.locals if not n.startswith("_")),
        end.task,
        end.stack,
    )


def _deadlocked(steps: tuple[Step, ...], ending: Ending) -> tuple[tuple[Step, ...], Ending]:
    """Who waits for whom, and since when; those steps are what matters."""
    key: set[int] = set()
    found = []
    for task, locks in enumerate(steps[-1].locks if steps else ()):
        if not locks.blocked:
            continue
        since = _since(steps, lambda step, t=task: step.locks[t].blocked)
        key.add(since)
        wanted = ", ".join(locks.waits)
        found.append((f"CPU{task} waits", f"in {locks.does}({wanted}), since step {since}"))
        for name in locks.waits:
            for holder, other in enumerate(steps[-1].locks):
                if name in dict(other.held):
                    since = _since(steps, lambda s, h=holder, n=name: n in dict(s.locks[h].held))
                    key.add(since)
                    found.append((name, f"held by CPU{holder}, since step {since}"))
    steps = tuple(replace(s, is_key=True) if s.number in key else s for s in steps)
    return steps, replace(ending, looked="Who waits for whom:", disagree=tuple(found))


def _since(steps: Sequence[Step], true: Callable[..., bool]) -> int:
    """The step from which on something has been true."""
    number = steps[-1].number
    for step in reversed(steps):
        if not true(step):
            break
        number = step.number
    return number


def _members(namer: Namer, obj: Struct, memory: Sequence[int]) -> Iterator[tuple[str, str]]:
    """The fields of what a check spoke of."""
    for part in type(obj).fields().values():
        if not part.is_embedded and part.name not in _DULL:
            for k in range(part.count):
                slot = namer.layout.slot(part, obj._mmspec_index, k)
                yield namer.said(namer.places[slot], memory[slot], memory)


def headline(lines: Sequence[str]) -> str:
    """The first line of a splat that says what it is about."""
    starts = ("kernel BUG", "BUG:", "WARNING", "INFO", "mmspec:")
    return next((line for line in lines if line.startswith(starts)), lines[0] if lines else "")


def source(call: Call) -> str:
    """The file that a function is in, as installed packages see it: from `mmspec` on."""
    return terminal.source(call)
