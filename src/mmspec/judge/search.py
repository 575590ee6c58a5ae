"""Is there an interleaving in which a diagram's events happen in its order? All are considered.

A node is a state of the system, the events that have happened (bits), and the functions that have
been entered but whose event still waits for those of other columns. An event counts at the first
moment possible: whatever can follow a later moment can follow the first one too. For the same
reason a node is left out if another with the same state has more events behind it.
"""

from __future__ import annotations

import dataclasses
import gc
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mmspec.checker import Violation
from mmspec.compiler.machine import Failure, Step
from mmspec.judge.claims import Kind
from mmspec.judge.events import Event
from mmspec.judge.graph import Edge, Graph
from mmspec.judge.memory import Memory
from mmspec.judge.traced import ENTER, LEAVE, WRITE, telling_parameters
from mmspec.properties import property_of

#: Furthest nodes that are kept to be looked at.
_MOST_FURTHEST = 2000
#: What a process calls when its programs are done, and how a diagram says that it does.
EXIT, _BEGUN = "exit_mm", (Kind.ENTERS, Kind.IS_IN)


@dataclass(frozen=True)
class Limits:
    """When to give up."""

    seconds: float = 120.0
    nodes: int = 3_000_000


@dataclass
class Found:
    """What a search gave.

    steps: an interleaving, if there is one; at: for each event, the step in which it happens (0:
    before the first). failure: what the last step ended in. stopped: why not everything was
    explored. furthest: nodes in which most events have happened, as (shared, records, events).
    """

    steps: tuple[Step, ...] | None = None
    at: dict[int, int] = field(default_factory=dict)
    failure: Failure | None = None
    stopped: str = ""
    nodes: int = 0
    furthest: list[tuple[int, tuple[int, ...], int]] = field(default_factory=list)
    exit_violation: Violation | None = None


#: A kind of note, the events that it can be (as bits), and its place among the step's notes.
Hit = tuple[int, int, int]


@dataclass(frozen=True)
class Hits:
    """What a step can match, in order; what it writes: place among its notes, offset, value."""

    found: tuple[Hit, ...]
    writes: tuple[tuple[int, int, int], ...]


class Product:
    """A graph and the events of a diagram."""

    def __init__(self, graph: Graph, memory: Memory, events: Sequence[Event]) -> None:
        self.graph = graph
        self.memory = memory
        self.events = list(events)
        self.all = (1 << len(events)) - 1
        self.per_task = [[e for e in events if e.task == t] for t in range(graph.processes)]
        self.after = [sum(1 << e.number for e in own if e.silent) for own in self.per_task]
        #: events of a column from each one on
        self.rest = {
            e.number: sum(1 << x.number for x in self.per_task[e.task] if x.number >= e.number)
            for e in events
            if e.task >= 0
        }
        self._hits: dict[tuple[int, int, int], Hits] = {}
        self._true: dict[tuple[int, int], bool] = {}
        self._next: dict[int, bool] = {}
        self.mapping = any(e.claim.name.endswith(("mapping", "compound_mapcount")) for e in events)
        self.fails = [e for e in events if e.claim.kind is Kind.FAILS]
        #: that processes exit, after all programs
        self.exits = [e for e in events if e.claim.name == EXIT and e.claim.kind in _BEGUN]
        #: what goes wrong when processes exit from a state in which all tasks have ended
        self.at_exit: Callable[[bytes], Violation | None] | None = None

    # ------------------------------------------------------------------ what a step may match

    def hits(self, notes: int, task: int, shared: int) -> Hits:
        """Which events a step can match, in order."""
        key = notes, task, shared if self.mapping else 0
        made = self._hits.get(key)
        if made is None:
            found = tuple(self._computed(notes, task, shared))
            told = enumerate(self.graph.notes.values[notes])
            writes = tuple((n, note.a, note.c) for n, note in told if note.kind == WRITE)
            made = self._hits[key] = Hits(found, writes if found else ())
        return made

    def _computed(self, notes: int, task: int, shared: int) -> list[Hit]:
        made: list[Hit] = []
        told = self.graph.notes.values[notes]
        functions = self.graph.system.module.functions
        for n, note in enumerate(told):
            group: list[int] = []
            for event in self.per_task[task]:
                claim = event.claim
                if note.kind == WRITE:
                    if claim.kind is Kind.WRITES and note.a in event.places:
                        memory = self.graph.shared.values[shared]
                        if self.memory.agrees(note.a, note.c, memory, claim.name, claim.value):
                            group.append(event.number)
                    continue
                f = functions[note.a]
                if claim.name != self.graph.system.names[note.a]:
                    continue
                if note.kind == ENTER and claim.kind is Kind.ENTERS:
                    passed = zip(telling_parameters(f), (note.b, note.c), strict=False)
                    objects = [self.memory.object(cls, value) for (_, cls), value in passed]
                    if claim.value and objects and claim.value not in objects:
                        continue
                    group.append(event.number)
                elif note.kind == LEAVE:
                    if claim.kind is Kind.LEAVES and claim.value:
                        if not self.memory.returned(f, note.b, claim.value):
                            continue
                    group.append(event.number)
            if group:
                made.append((note.kind, sum(1 << number for number in group), n))
        return made

    # ------------------------------------------------------------------ moments

    def settled(
        self,
        shared: int,
        records: Sequence[int],
        matched: int,
        entered: int,
        written: Mapping[int, int] = MappingProxyType({}),
    ) -> tuple[int, int]:
        """Let happen what can happen at a moment. written: by the step so far, to `shared`."""
        again = bool(entered) or self._watches(matched)
        while again:
            again = False
            for own in self.per_task:
                for event in own:
                    bit = 1 << event.number
                    if matched & bit or event.before & ~matched:
                        if not matched & bit and not entered & bit:
                            break
                        continue
                    if entered & bit or self._holds(event, shared, records, written):
                        matched |= bit
                        entered &= ~bit
                        again = True
        return matched, entered

    def _watches(self, matched: int) -> bool:
        """Whether one of the next events depends on the state alone."""
        found = self._next.get(matched)
        if found is None:
            found = self._next[matched] = any(
                e.claim.kind in (Kind.HOLDS, Kind.IS_IN, Kind.WAITS)
                and not matched >> e.number & 1
                and not e.before & ~matched
                for e in self.events
            )
        return found

    def _holds(
        self, event: Event, shared: int, records: Sequence[int], written: Mapping[int, int]
    ) -> bool:
        claim = event.claim
        if claim.kind is Kind.IS_IN:
            return claim.name in self.graph.stack(records[event.task])
        if claim.kind is Kind.WAITS:
            return self.graph.waits(shared, records[event.task], event.task, claim.name)
        if claim.kind is not Kind.HOLDS:
            return False
        if not written.keys().isdisjoint(event.places):
            return self._agrees(event, shared, written)
        key = event.number, shared
        found = self._true.get(key)
        if found is None:
            found = self._true[key] = self._agrees(event, shared, written)
        return found

    def _agrees(self, event: Event, shared: int, written: Mapping[int, int]) -> bool:
        """Whether one of its places has the value that an event speaks of."""
        memory, claim = self.graph.shared.values[shared], event.claim
        return any(
            self.memory.agrees(
                where,
                written[where] if where in written else self.memory.raw(memory, where),
                memory,
                claim.name,
                claim.value,
            )
            for where in event.places
        )

    def passed(
        self,
        hits: Hits,
        before: int,
        shared: int,
        records: Sequence[int],
        matched: int,
        entered: int,
        task: int,
    ) -> tuple[int, int]:
        """What has happened after a step of a task, which took memory from `before` to `shared`."""
        entered &= ~self.after[task]
        for kind, bits, at in hits.found:
            matched, entered = self._amidst(hits, at, before, records, matched, entered)
            if kind == LEAVE:
                entered = self._leave(bits, matched, entered)
                matched, entered = self._one(bits, Kind.LEAVES, matched, entered)
            elif kind == ENTER:
                matched, entered = self._one(bits, Kind.ENTERS, matched, entered)
            else:
                matched = self._written(bits, matched)
            matched, entered = self._amidst(hits, at + 1, before, records, matched, entered)
        return self.settled(shared, records, matched, entered)

    def _amidst(
        self,
        hits: Hits,
        at: int,
        before: int,
        records: Sequence[int],
        matched: int,
        entered: int,
    ) -> tuple[int, int]:
        """Let happen what can happen within a step, when it has told `at` notes."""
        if not entered and not self._watches(matched):
            return matched, entered
        written = {where: value for n, where, value in hits.writes if n < at}
        return self.settled(before, records, matched, entered, written)

    def _leave(self, bits: int, matched: int, entered: int) -> int:
        """What waits for a function that is left waits in vain, and what came after it too."""
        gone = entered & bits
        while gone:
            number = (gone & -gone).bit_length() - 1
            gone &= gone - 1
            event = self.events[number]
            if event.claim.kind is Kind.ENTERS and not event.silent:
                entered &= ~self.rest[number]
        return entered

    def _one(self, bits: int, kind: Kind, matched: int, entered: int) -> tuple[int, int]:
        """A function is entered or left: the first event that can mean it does."""
        free = bits & ~matched & ~entered
        while free:
            low = free & -free
            event = self.events[low.bit_length() - 1]
            if event.claim.kind is kind and not event.own & ~(matched | entered):
                if event.before & ~matched:
                    return matched, entered | low
                return matched | low, entered
            free ^= low
        return matched, entered

    def _written(self, bits: int, matched: int) -> int:
        free = bits & ~matched
        while free:
            low = free & -free
            event = self.events[low.bit_length() - 1]
            if not event.before & ~matched:
                return matched | low
            free ^= low
        return matched

    def fits(self, failure: Failure) -> bool:
        """Whether a violation is what the diagram ends in."""
        return all(failure_fits(e.claim.name, failure) for e in self.fails)

    # ------------------------------------------------------------------ search

    def search(self, limits: Limits = Limits()) -> Found:
        """Look for an interleaving; the furthest first, all of them in the end."""
        collecting = gc.isenabled()
        gc.disable()  # millions of tuples, none of them garbage
        try:
            return _Search(self, limits).run()
        finally:
            if collecting:
                gc.enable()


def failure_fits(said: str, failure: Failure) -> bool:
    """Whether a kernel's complaint, as a diagram has it, is a violation that was found."""
    text = said.lower()
    if "bad page state" in text:
        return failure.kind == "Bad page state"
    if "rss-counter" in text:
        return failure.kind == "Bad rss-counter state"
    if "nr_ptes" in text:
        return failure.kind == "non-zero nr_ptes"
    if "deadlock" in text:
        return failure.kind == "deadlock"
    if "dumped because" in text:
        reason = said.partition(":")[2].strip()
        return reason in (failure.text, failure.text.partition(": ")[2])
    if "vm_bug_on" in text:
        return failure.kind == "VM_BUG_ON" and (
            "(" not in said or _bare(said) in _bare(failure.text)
        )
    if "kernel bug at" in text:
        function = said.rpartition(":")[2].rstrip("()!")
        named = function.isidentifier() and not function.isdigit()
        return "BUG" in failure.kind and (not named or function == failure.function)
    if "oops" in text:
        return failure.kind == "oops"
    return True


def _bare(text: str) -> str:
    return "".join(text.split()).lower()


def _at_exit(failure: Failure, steps: tuple[Step, ...], task: int) -> Violation:
    """What is wrong with the exit of a task's process, behind an interleaving."""
    broken = property_of(failure.kind)
    return Violation(broken, failure.kind, failure.text, steps, task, task + 1)


class _Search:
    """One search."""

    def __init__(self, product: Product, limits: Limits) -> None:
        self.product = product
        self.graph = product.graph
        self.limits = limits
        self.parent = array("q")
        self.how = array("H")
        self.states: list[tuple[int, tuple[int, ...]]] = []
        self.matched: list[int] = []
        self.entered: list[int] = []
        self.seen: dict[tuple[int, tuple[int, ...]], list[tuple[int, int]]] = {}
        self.waiting: list[list[int]] = [[] for _ in range(len(product.events) + 1)]
        self.top = 0
        self.best = -1
        self.found = Found()
        self.orders: dict[tuple[int, int], list[int]] = {}

    def run(self) -> Found:
        """Explore."""
        product, graph = self.product, self.graph
        shared, records = graph.first
        matched, entered = product.settled(shared, records, 0, 0)
        for task, notes in enumerate(graph.begun):
            hits = product.hits(notes, task, shared)
            matched, entered = product.passed(hits, shared, shared, records, matched, entered, task)
        self._reach(-1, 0, shared, records, matched, entered)
        deadline = time.monotonic() + self.limits.seconds
        count = 0
        while self.top >= 0 and self.found.steps is None:
            if not self.waiting[self.top]:
                self.top -= 1
                continue
            count += 1
            if count % 512 == 0 and time.monotonic() > deadline:
                self.found.stopped = f"time ran out: {self.limits.seconds:g} s"
                break
            if len(self.states) > self.limits.nodes:
                self.found.stopped = f"there are more than {self.limits.nodes:,} nodes"
                break
            self._expand(self.waiting[self.top].pop())
        self.found.nodes = len(self.states)
        return self.found

    def _expand(self, number: int) -> None:
        shared, records = self.states[number]
        matched, entered = self.matched[number], self.entered[number]
        possible = False
        last = self.how[number] >> 8
        for task in self._order(matched, last):
            for edge in self.graph.edges(shared, records[task], task):
                possible = True
                self._step(number, task, edge, records, matched, entered)
                if self.found.steps is not None:
                    return
        if possible:
            return
        if any(r != self.graph.ended for r in records):
            if self.product.fails:
                self._fail(number, Failure("deadlock", "nothing can go on", "", 0), matched)
        elif any(not e.before & ~matched for e in self.product.exits):
            self._exit_as_drawn(number, matched, entered)
        elif self.product.fails:
            self._exit(number, matched)

    def _exit_as_drawn(self, number: int, matched: int, entered: int) -> None:
        """All tasks have ended, and the diagram goes on with the exits of their processes.

        Each leaves its address space, one after the other; tasks that a fork has made, too.
        """
        product, graph = self.product, self.graph
        shared, records = self.states[number]
        for task in range(graph.processes):
            before = shared
            shared, record, notes = graph.exiting(shared, task)
            while True:
                records = (*records[:task], record, *records[task + 1 :])
                hits = product.hits(notes, task, shared)
                matched, entered = product.passed(
                    hits, before, shared, records, matched, entered, task
                )
                if record == graph.ended:
                    break
                edges = graph.edges(shared, record, task)
                if not edges:
                    return
                before = shared
                shared, record, notes = edges[0].shared, edges[0].record, edges[0].notes
                if edges[0].failure is not None:
                    self._fail(number, edges[0].failure, matched)
                    if self.found.steps is not None:
                        self.found.exit_violation = _at_exit(
                            edges[0].failure, self.found.steps, task
                        )
                    return
        self._note(matched, shared, records)
        if matched == product.all:
            self.matched[number] = matched
            self._goal(number)

    def _exit(self, number: int, matched: int) -> None:
        """All tasks have ended: let the processes exit."""
        bits = sum(1 << e.number for e in self.product.fails)
        if self.product.at_exit is None or matched | bits != self.product.all:
            return
        wrong = self.product.at_exit(self.graph.state(*self.states[number]))
        if wrong is None:
            return
        self._fail(number, Failure(wrong.kind, wrong.text, "", 0), matched)
        if self.found.steps is not None:
            self.found.exit_violation = dataclasses.replace(wrong, steps=self.found.steps)

    def _order(self, matched: int, last: int) -> list[int]:
        """Tasks, those whose events are next last: they are taken up first. last: who ran."""
        known = self.orders.get((matched, last))
        if known is not None:
            return known
        wanted = set()
        for own in self.product.per_task:
            for event in own:
                if not matched >> event.number & 1:
                    if not event.before & ~matched:
                        wanted.add(event.task)
                    break
        order = sorted(range(self.graph.tasks), key=lambda t: (t in wanted, t == last))
        self.orders[matched, last] = order
        return order

    def _step(
        self,
        number: int,
        task: int,
        edge: Edge,
        records: tuple[int, ...],
        matched: int,
        entered: int,
    ) -> None:
        product = self.product
        after = (*records[:task], edge.record, *records[task + 1 :])
        hits = product.hits(edge.notes, task, edge.shared)
        how = task << 8 | edge.choice
        stack_records = records if edge.failure is not None else after
        before = self.states[number][0]
        matched, entered = product.passed(
            hits, before, edge.shared, stack_records, matched, entered, task
        )
        if edge.failure is None:
            self._reach(number, how, edge.shared, after, matched, entered)
            return
        if product.fails:
            self._note(matched, edge.shared, after)
        made = self._add(number, how, edge.shared, after, matched, entered)
        self._fail(made, edge.failure, matched)

    def _fail(self, number: int, failure: Failure, matched: int) -> None:
        product = self.product
        bits = sum(1 << e.number for e in product.fails)
        if matched | bits != product.all:
            return
        if product.fails and not product.fits(failure):
            return
        self.matched[number] = product.all
        self._goal(number)
        self.found.failure = failure

    def _add(
        self,
        parent: int,
        how: int,
        shared: int,
        records: tuple[int, ...],
        matched: int,
        entered: int,
    ) -> int:
        self.parent.append(parent)
        self.how.append(how)
        self.states.append((shared, records))
        self.matched.append(matched)
        self.entered.append(entered)
        return len(self.states) - 1

    def _reach(
        self,
        parent: int,
        how: int,
        shared: int,
        records: tuple[int, ...],
        matched: int,
        entered: int,
    ) -> None:
        key = shared, records
        known = self.seen.get(key)
        if known is not None:
            for m, e in known:
                if not matched & ~m and not entered & ~(m | e):
                    return
            known[:] = [(m, e) for m, e in known if m & ~matched or e & ~(matched | entered)]
            known.append((matched, entered))
        else:
            self.seen[key] = [(matched, entered)]
        number = self._add(parent, how, shared, records, matched, entered)
        level = matched.bit_count()
        self._note(matched, shared, records)
        self.waiting[level].append(number)
        self.top = max(self.top, level)
        if matched == self.product.all:
            self._goal(number)

    def _note(self, matched: int, shared: int, records: tuple[int, ...]) -> None:
        level = matched.bit_count()
        if level > self.best:
            self.best = level
            self.found.furthest.clear()
        if level == self.best and len(self.found.furthest) < _MOST_FURTHEST:
            self.found.furthest.append((shared, records, matched))

    def _goal(self, number: int) -> None:
        steps: list[Step] = []
        at: dict[int, int] = {}
        path = [number]
        while self.parent[path[-1]] >= 0:
            path.append(self.parent[path[-1]])
        before = 0
        for n, node in enumerate(reversed(path)):
            if n:
                steps.append((self.how[node] >> 8, self.how[node] & 255))
            new = self.matched[node] & ~before
            before |= self.matched[node]
            while new:
                at[(new & -new).bit_length() - 1] = n
                new &= new - 1
        self.found.steps = tuple(steps)
        self.found.at = at
