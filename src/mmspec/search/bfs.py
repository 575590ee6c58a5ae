"""Breadth-first search of a compiled system: every interleaving, shortest violations first."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmspec.compiler.machine import Machine, Step
from mmspec.compiler.native import NativeModule
from mmspec.search import engine
from mmspec.search.store import Store, Table, Words
from mmspec.search.symmetry import Symmetry

#: States a single worker expands before it looks up (for Ctrl-C, budgets, progress).
SLICE = 50_000
#: Entries of a worker's memo, to begin with.
MEMO = 1 << 12
#: Frontier from which on several workers pay.
WIDE = 20_000


@dataclass(frozen=True)
class Budget:
    """When to give up: states found, seconds, bytes of memory for the tables."""

    states: int = 1 << 31
    seconds: float = float("inf")
    memory: int = 8 << 30


@dataclass(frozen=True)
class Progress:
    """How a search stands: for display while it runs."""

    states: int
    transitions: int
    depth: int
    frontier: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Finding:
    """A violation.

    kind: `fault` (in the step from `state`), `invariant` (false after that step; detail: which, as
    bits), `final` (false in `state`, where all tasks have ended), `deadlock` (in `state`),
    `asymmetry` (the step, or with detail 1 a predicate, depends on the numbers of tasks).
    """

    kind: str
    state: int
    task: int
    choice: int
    detail: int


@dataclass
class Outcome:
    """What a search found.

    stopped: empty if everything was explored; else why not (`violation`, `states`, `time`,
    `memory`, `interrupted`, or `asymmetry`: tasks are not interchangeable). depth: steps of the
    longest shortest path so far. witnesses: bits of the predicates that were true somewhere.
    """

    states: int = 0
    transitions: int = 0
    depth: int = 0
    stopped: str = ""
    findings: list[Finding] = field(default_factory=list)
    witnesses: int = 0
    seconds: float = 0.0
    bytes: int = 0
    computed: int = 0
    remembered: int = 0
    frontier: int = 0


_KINDS = {
    engine.FAULT: "fault",
    engine.INVARIANT: "invariant",
    engine.FINAL: "final",
    engine.DEADLOCK: "deadlock",
    engine.ASYMMETRY: "asymmetry",
}


def _text() -> str:
    # the compiler of the loops is imported when it is needed
    from mmspec.search.lowlevel import compile_functions

    return compile_functions(engine.FUNCTIONS, engine.EXPORTED)


@functools.cache
def _engine() -> dict[str, Any]:
    """The compiled search loops."""
    native = NativeModule.made_once("engine", _text, thorough=True)
    word = ctypes.c_uint64
    found: dict[str, Any] = {"native": native}
    for fn, arity in (
        (engine.worker, 4),
        (engine.intern, 4),
        (engine.rehash, 4),
        (engine.rehash_root, 2),
        (engine.root_slot, 1),
        (engine.run_alone, 5),
    ):
        kind = ctypes.CFUNCTYPE(word, *[word] * arity)
        found[fn.__name__] = kind(native.address(fn.__name__))
    return found


class _Worker:
    """Memory of one worker."""

    def __init__(self, store: Store) -> None:
        size = store.shared + store.tasks * store.record + 64
        self.words = Words(engine.W_SIZE // 8)
        self.parts = {
            engine.W_STATE: Words(size // 8 + 1),
            engine.W_CLEAN: Words(store.shared // 8 + 1),
            engine.W_NUMBERS: Words(len(store.nodes) + 1),
            engine.W_KEYS: Words(len(store.nodes) * 4 + 8),
            engine.W_DIRTY: Words(len(store.nodes) + 1),
            engine.W_CHANGED: Words(len(store.nodes) + 1),
            engine.W_RING: Words(engine.RING * engine.R_SIZE // 8),
            engine.W_SPARE: Words(len(store.nodes) + 4),
            engine.W_NOW: Words(store.tasks + 4),
            engine.W_NEXT: Words(store.tasks + 4),
            engine.W_SCRATCH: Words(store.record // 8 + 2),
        }
        if store.names.symmetry.groups:
            members = len(store.names.symmetry.members)
            self.parts |= {
                engine.W_TWIN: Words(size // 8 + 1),
                engine.W_BACK: Words(size // 8 + 1),
                engine.W_GATHERED: Words(store.names.width // 8 + 2),
                engine.W_SORT: Words(members * 2),
                engine.W_RENAMED: Words(engine.RENAMED * 2),
            }
        self._publish()

    def _publish(self) -> None:
        for offset, part in self.parts.items():
            self.words.set(offset, part.address)

    def set_memo(self, entries: int) -> None:
        """Start over with a memo of so many entries, a power of 2."""
        self.parts[engine.W_MEMO] = Words(entries * 4)
        self.words.set(engine.W_MEMO, self.parts[engine.W_MEMO].address)
        self.words.set(engine.W_MEMO_MASK, entries - 1)

    def clear(self) -> None:
        """Forget everything."""
        for part in (self.words, *self.parts.values()):
            ctypes.memset(part.address, 0, ctypes.sizeof(part.data))
        self._publish()


class Workspace:
    """The tables and workers of searches of one shape, one after the other.

    tasks: how many each state has. symmetry: which of them are interchangeable.
    """

    def __init__(
        self,
        system: Machine,
        tasks: int,
        *,
        workers: int = 1,
        memory: int = Budget.memory,
        symmetry: Symmetry | None = None,
    ) -> None:
        self.system = system
        self.symmetry = symmetry
        self.store = Store(
            tasks, system.shared_size, system.record_size, system.boundaries, memory, symmetry
        )
        self.workers = [_Worker(self.store) for _ in range(max(1, workers))]
        self._used = False

    def begin(self) -> None:
        """Make room for a new search."""
        if self._used:
            self.store.clear()
            for worker in self.workers:
                worker.clear()
        self._used = True

    def close(self) -> None:
        """Give the memory back."""
        self.store.close()


class Search:
    """One breadth-first search. Its tables stay readable until `close`.

    invariants, finals: numbers of predicate groups of the system (-1: none) that must hold in
    every state, and when all tasks have ended; `required` tells which bits of the invariants'
    group must be 1 (the others are witnesses). workspace: to be used again, and not closed.
    """

    def __init__(
        self,
        system: Machine,
        initial: bytes,
        kernel: int = 0,
        *,
        invariants: int = -1,
        required: int = 0,
        finals: int = -1,
        final_mask: int = 0,
        budget: Budget = Budget(),
        workers: int = 1,
        stop_at_violation: bool = True,
        deadlock: bool = True,
        memo: bool = True,
        symmetry: Symmetry | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self.system = system
        self.kernel = kernel
        self.budget = budget
        self.engine = _engine()
        self._own = workspace is None
        if workspace is None:
            tasks = system.tasks_of(initial)
            workspace = Workspace(
                system, tasks, workers=workers, memory=budget.memory, symmetry=symmetry
            )
        workspace.begin()
        self.workspace = workspace
        self.store = workspace.store
        self.workers = workspace.workers
        self.symmetry = workspace.symmetry
        self.initial = initial
        self.use_memo = memo
        for worker in self.workers:
            worker.set_memo(MEMO if memo else 1)
        self.outcome = Outcome()
        ctx = self.store.ctx
        ctx.set(engine.C_STEP, system.native.address("step"))
        ctx.set(engine.C_PREDICATES, self._predicates(invariants))
        ctx.set(engine.C_INVARIANTS, required)
        ctx.set(engine.C_FINALS, self._predicates(finals))
        ctx.set(engine.C_FINAL_MASK, final_mask)
        ctx.set(engine.C_KERNEL, 1 << kernel)
        mode = engine.STOP_AT_VIOLATION * stop_at_violation + engine.CHECK_DEADLOCK * deadlock
        ctx.set(engine.C_MODE, mode)
        ctx.set(engine.C_MAXIMUM, min(budget.states, self.store.order.size // 8 - 4096))
        self._insert_initial(initial)

    def _predicates(self, group: int) -> int:
        return 0 if group < 0 else self.system.native.address(f"predicates_{group}")

    def _insert_initial(self, initial: bytes) -> None:
        """Number the initial state by hand."""
        store = self.store
        padded = initial[: store.shared] + bytes(8)
        numbers: list[int] = []
        for node, table in zip(store.nodes, store.tables, strict=True):
            if node.children:
                data = b"".join(numbers[c].to_bytes(4, "little") for c in node.children)
            else:
                data = padded[node.offset : node.offset + node.length]
            numbers.append(self._number(table, data))
        finished = self._number(store.records, bytes(store.record))
        assert finished == 1
        records = [
            self._number(
                store.records,
                initial[store.shared + t * store.record :][: store.record],
            )
            for t in range(store.tasks)
        ]
        lefts = store.left_tasks
        left = self._number(store.left, _packed([numbers[-1], *records[:lefts]]))
        rights = records[lefts:]
        right, done = rights[0], 1
        if len(rights) > 1:
            done = self._number(store.right, _packed([1] * len(rights)))
            right = self._number(store.right, _packed(rights))
        store.ctx.set(engine.C_RIGHT_DONE, done)
        key = left << 32 | right
        slot = self.engine["root_slot"](key) & (store.slots - 1)
        ctypes.c_uint64.from_address(store.root.address + slot * 8).value = key
        ctypes.c_uint64.from_address(store.order.address).value = key
        store.ctx.set(engine.C_COUNT, 1)
        store.ctx.set(engine.C_LEVEL_END, 1)

    def _number(self, table: Table, data: bytes) -> int:
        buffer = ctypes.create_string_buffer(data, table.length + 8)
        worker = self.workers[0].words.address
        at = ctypes.addressof(buffer)
        found = self.engine["intern"](self.store.ctx.address, worker, table.address, at)
        return int(found) & engine.NUMBER

    # ------------------------------------------------------------------ running

    def run(self, watch: Callable[[Progress], None] | None = None) -> Outcome:
        """Explore until done or out of budget. Ctrl-C ends it with what was found so far."""
        started = time.monotonic()
        reason = ""
        try:
            while not reason:
                result = self._slice()
                self.outcome.seconds = time.monotonic() - started
                if watch is not None:
                    watch(self.progress())
                reason = self._consider(result)
        except KeyboardInterrupt:
            self.stop()
            reason = "interrupted"
        return self._conclude("" if reason == "done" else reason, started)

    def stop(self) -> None:
        """Have `run` come back soon, from any thread: the search is then interrupted."""
        ctx = self.store.ctx
        ctx.set(engine.C_FLAGS, ctx.get(engine.C_FLAGS) | engine.STOP)

    def _slice(self) -> int:
        """Let the workers run for a while; EXHAUSTED, INTERRUPTED or PAUSED."""
        ctx = self.store.ctx
        wide = ctx.get(engine.C_LEVEL_END) - ctx.get(engine.C_CURSOR) >= WIDE
        if len(self.workers) == 1 or not wide:
            return self._alone(self.workers[0])
        return self._together()

    def _alone(self, worker: _Worker) -> int:
        run = self.engine["worker"]
        result: list[int] = []
        if len(self.workers) > 1:
            # leftovers of the others belong to this level
            for other in self.workers[1:]:
                if other.words.get(engine.W_FROM) != other.words.get(engine.W_TO):
                    return self._together()
        thread_free = threading.current_thread() is threading.main_thread()
        quota = SLICE if thread_free else SLICE * 4
        result.append(int(run(self.store.ctx.address, worker.words.address, quota, 1)))
        return result[0]

    def _together(self) -> int:
        """All workers on the rest of this level, each in a thread of its own."""
        run = self.engine["worker"]
        ctx = self.store.ctx
        results = [0] * len(self.workers)

        def work(n: int) -> None:
            results[n] = int(run(ctx.address, self.workers[n].words.address, SLICE * 4, 0))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(self.workers))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self.stop()
            for thread in threads:
                thread.join()
            raise
        if any(r == engine.INTERRUPTED for r in results):
            return engine.INTERRUPTED
        if any(r == engine.PAUSED for r in results):
            return engine.PAUSED
        return self._next_level()

    def _next_level(self) -> int:
        ctx = self.store.ctx
        last, count = ctx.get(engine.C_LEVEL_END), ctx.get(engine.C_COUNT)
        ctx.set(engine.C_CURSOR, last)
        if count == last:
            return engine.EXHAUSTED
        n = ctx.get(engine.C_LEVEL_COUNT)
        self.store.levels.data[n] = last
        ctx.set(engine.C_LEVEL_COUNT, n + 1)
        ctx.set(engine.C_LEVEL_END, count)
        return engine.PAUSED

    def _consider(self, result: int) -> str:
        """What to do after a slice: nothing (go on), or the reason to end."""
        ctx, store = self.store.ctx, self.store
        flags = ctx.get(engine.C_FLAGS)
        if result == engine.EXHAUSTED and not flags:
            return "done"
        if flags & engine.UNLIKE:
            return "asymmetry"
        if flags & engine.FOUND:
            return "violation"
        if flags & engine.STOP:
            return "interrupted"
        if flags & engine.FULL:
            return "states"
        if flags & engine.GROW or store.states >= store.slots * 7 // 10:
            try:
                self._grow()
            except MemoryError:
                return "memory"
            ctx.set(engine.C_FLAGS, flags & ~engine.GROW)
        if store.bytes_used > self.budget.memory:
            return "memory"
        if self.outcome.seconds > self.budget.seconds:
            return "time"
        return ""

    def _grow(self) -> None:
        store = self.store
        for table in store.all_tables():
            if table.full():
                slots = table.grow()
                at = table.words.get(engine.T_ORDINAL) * 8
                spare = [w.parts[engine.W_SPARE].get(at) for w in self.workers]
                skip = Words(len(spare))
                for k, number in enumerate(spare):
                    skip.data[k] = number
                self.engine["rehash"](table.address, slots, skip.address, len(spare))
        if store.states >= store.slots * 7 // 10:
            store.root.zero(store.slots * 8)
            while store.states * 2 >= store.slots:
                store.slots *= 2
            if store.slots * 8 > store.root.size:
                raise MemoryError
            store.root.huge(store.slots * 8)
            store.publish_root()
            self.engine["rehash_root"](store.ctx.address, store.slots)
            if self.use_memo:
                memo = min(max(store.slots // 4, MEMO), 1 << 18)
                for worker in self.workers:
                    if memo > worker.words.get(engine.W_MEMO_MASK) + 1:
                        worker.set_memo(memo)

    # ------------------------------------------------------------------ results

    def _total(self, offset: int) -> int:
        return sum(worker.words.get(offset) for worker in self.workers)

    @property
    def depth(self) -> int:
        """Completed levels."""
        return self.store.ctx.get(engine.C_LEVEL_COUNT)

    def progress(self) -> Progress:
        """How it stands."""
        ctx = self.store.ctx
        return Progress(
            self.store.states,
            self._total(engine.W_TRANSITIONS),
            self.depth,
            self.store.states - min(ctx.get(engine.C_CURSOR), ctx.get(engine.C_LEVEL_END)),
            self.outcome.seconds,
            self.store.bytes_used,
        )

    def _conclude(self, stopped: str, started: float) -> Outcome:
        store, out = self.store, self.outcome
        out.seconds = time.monotonic() - started
        out.states = store.states
        out.transitions = self._total(engine.W_TRANSITIONS)
        out.remembered = self._total(engine.W_HITS)
        out.computed = self._total(engine.W_MISSES)
        out.depth = self.depth
        out.stopped = stopped
        out.witnesses = store.ctx.get(engine.C_WITNESSES)
        out.bytes = store.bytes_used
        out.frontier = self.progress().frontier
        n = min(store.ctx.get(engine.C_VIOLATION_COUNT), engine.MAX_VIOLATIONS)
        for k in range(n):
            kind, state, how, detail = store.violations.data[k * 4 : k * 4 + 4]
            out.findings.append(Finding(_KINDS[kind], state, how >> 8, how & 255, detail))
        return out

    def ends(self) -> list[int]:
        """Numbers of the states in which all tasks have ended; the engine notes no more than
        `engine.MAX_ENDS`, `end_count` tells how many there are."""
        return sorted(self.store.ends.data[: min(self.end_count, engine.MAX_ENDS)])

    @property
    def end_count(self) -> int:
        """How many states there are in which all tasks have ended."""
        return self.store.ctx.get(engine.C_END_COUNT)

    def path_to(self, k: int) -> list[int]:
        """Numbers of the states on the way to state `k`, the initial one first."""
        path = [k]
        while path[-1] != 0:
            path.append(self.store.parent_of(path[-1]))
        return path[::-1]

    def schedule_to(self, k: int) -> list[Step]:
        """Steps from the initial state to state `k`, or to one that it stands for."""
        return self.trace_to(k)[0]

    def trace_to(self, k: int) -> tuple[list[Step], bytes]:
        """The same, and the state that they lead to."""
        path = self.path_to(k)
        if self.symmetry is None:
            steps = [self._step_between(a, b) for a, b in zip(path, path[1:], strict=False)]
            return steps, self.store.state_bytes(k)
        steps, state = [], self.initial
        for number in path[1:]:
            step, state = self._step_to(state, self.store.state_bytes(number))
            steps.append(step)
        return steps, state

    def _step_between(self, before: int, after: int) -> Step:
        old, new = self.store.parts_of(before), self.store.parts_of(after)
        moved = [task for task, (a, b) in enumerate(zip(old[1:], new[1:], strict=True)) if a != b]
        if len(moved) == 1:
            pc = int.from_bytes(self.store.record_bytes(old[1 + moved[0]])[:2], "little")
            if not self.system.chooses(pc):
                return moved[0], 0
        target = self.store.state_bytes(after)
        return self._step_to(self.store.state_bytes(before), target)[0]

    def _step_to(self, state: bytes, target: bytes) -> tuple[Step, bytes]:
        """The step from `state` to `target` or a state that it stands for, and that state."""
        wanted = self._canonical(target)
        for task, choice, found in self.system.successors(state, self.kernel):
            if self._canonical(found) == wanted:
                return (task, choice), found
        raise AssertionError("a state without a step that leads to it")

    def _canonical(self, state: bytes) -> bytes:
        return state if self.symmetry is None else self.symmetry.canonical(self.system, state)

    def schedule(self, finding: Finding) -> list[Step]:
        """Steps from the initial state to a violation."""
        steps, state = self.trace_to(finding.state)
        if finding.kind in ("fault", "invariant"):
            last = finding.task, finding.choice
            if self.symmetry is not None:
                there = self.store.state_bytes(finding.state)
                _, target = self.system.step(there, *last, self.kernel)
                last, _ = self._step_to(state, target)
            steps.append(last)
        return steps

    def variants(self, k: int) -> list[bytes]:
        """All states that state `k` stands for, itself first."""
        state = self.store.state_bytes(k)
        if self.symmetry is None:
            return [state]
        return list(self.symmetry.orbit(self.system, state))

    def schedule_of(self, k: int, variant: bytes) -> list[Step]:
        """Steps from the initial state to one of the `variants` of state `k`.

        The initial state must be the same under all names, as it is if `interchangeable` said so.
        """
        steps, state = self.trace_to(k)
        if self.symmetry is None:
            return steps
        images = self.symmetry.orbit(self.system, state)[variant]
        return self.symmetry.renamed_steps(steps, images)

    def asymmetry(self) -> str:
        """Where tasks turned out not to be interchangeable; empty if they did not."""
        for finding in self.outcome.findings:
            if finding.kind == "asymmetry":
                if finding.detail:
                    return "a property tells tasks apart"
                state = self.store.state_bytes(finding.state)
                stop = self.system.program_counter(state, finding.task)
                name = self.system.listing.stops[stop - 1][0]
                return f"{name}() tells tasks apart: it keeps the number of one, or their order"
        return ""

    def counters(self) -> set[int]:
        """Every program counter that any task ever had; 0 is that of a task that has ended."""
        records = self.store.records
        data = ctypes.string_at(records.arena.address, (records.count + 1) * records.length)
        low, high = data[:: records.length], data[1 :: records.length]
        return {a | b << 8 for a, b in set(zip(low, high, strict=True))}

    def records(self) -> list[bytes]:
        """Every record that any task ever had."""
        found = dict.fromkeys(
            self.store.records.content(n + 1)[: self.store.record]
            for n in range(self.store.records.count)
        )
        return list(found)

    def close(self) -> None:
        """Give the tables' memory back; nothing can be asked any more."""
        if self._own:
            self.workspace.close()


def run_alone(system: Machine, state: bytes, task: int, kernel: int) -> tuple[int, bytes]:
    """Let one task run to its end: what the last step returned, and the state after it."""
    buffer = ctypes.create_string_buffer(state, len(state))
    at = ctypes.addressof(buffer)
    record = at + system.shared_size + task * system.record_size
    step = system.native.address("step")
    result = _engine()["run_alone"](step, at, record, task, 1 << kernel)
    return int(result), buffer.raw


def _packed(numbers: Sequence[int]) -> bytes:
    return b"".join(n.to_bytes(4, "little") for n in numbers)


def default_workers() -> int:
    """As many workers as there are processors to run them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
