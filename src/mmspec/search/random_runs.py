"""Random schedules: many runs of a compiled system, for what is too large to be explored.

Nothing is proved when nothing is found. Runs are numbered, and run `n` of a seed is always the
same; a violation comes with the schedule that leads to it, shortened.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmspec.compiler.machine import Machine, Step
from mmspec.compiler.native import NativeModule
from mmspec.lang.context import ModelError
from mmspec.search import engine, walk
from mmspec.search.lowlevel import compile_functions
from mmspec.search.schedules import Schedule, replay, shortened
from mmspec.search.store import Words

#: Steps after which a run is given up.
LIMIT = 100_000
#: Steps between two looks at the clock.
SLICE = 1_000_000

_KINDS = {
    engine.FAULT: "fault",
    engine.INVARIANT: "invariant",
    engine.FINAL: "final",
    engine.DEADLOCK: "deadlock",
}


@dataclass(frozen=True)
class RunsProgress:
    """How it stands: runs begun, steps taken, different final states."""

    runs: int
    steps: int
    ends: int
    seconds: float


@dataclass(frozen=True)
class BadRun:
    """A run that ended in a violation.

    kind: `fault`, `invariant`, `final` and `deadlock` as in a search, or `end` for a final state
    that the caller objected to. steps: a schedule that shows it, from the initial state; shortened,
    unless `original` is the same. task: who took the last step. detail: which predicates are false,
    as bits; the number of the fault. state: after the last step.
    """

    kind: str
    run: int
    steps: Schedule
    original: Schedule
    task: int
    detail: int
    state: bytes


@dataclass(frozen=True)
class RunsOutcome:
    """What random runs have found.

    stopped: empty if all were made; else `violation`, `time` or `interrupted`. ends: different
    final states. unfinished: runs that were given up (too long, or stuck where that is allowed).
    longest: steps of the longest run.
    """

    runs: int
    steps: int
    ends: int
    unfinished: int
    longest: int
    seconds: float
    stopped: str
    found: BadRun | None


@functools.cache
def _native() -> dict[str, Any]:
    """The compiled loops."""
    native = NativeModule(compile_functions(walk.FUNCTIONS, walk.EXPORTED), thorough=True)
    word = ctypes.c_uint64
    kind = ctypes.CFUNCTYPE(word, word, word)
    return {
        "native": native,
        "walk": kind(native.address("walk")),
        "follow": kind(native.address("follow")),
    }


class _Walker:
    """Memory of the loops, and what they leave there."""

    def __init__(self, system: Machine, initial: bytes, kernel: int, limit: int) -> None:
        self.system = system
        self.native = _native()
        self.tasks = system.tasks_of(initial)
        if self.tasks > 63:
            raise ModelError(f"{self.tasks} tasks are too many: at most 63")
        size = len(initial) // 8 + 8
        self.words = Words(walk.R_SIZE // 8)
        self.initial, self.state, self.clean = Words(size), Words(size), Words(size)
        self.saved, self.scratch = (Words(system.record_size // 8 + 8) for _ in range(2))
        self.taken, self.plan = (Words(limit // 2 + 8) for _ in range(2))
        self.priority = Words(64)
        self.changes = Words(1)
        self.seen = Words(1 << 10)
        ctypes.memmove(self.initial.address, initial, len(initial))
        for offset, part in (
            (walk.R_INITIAL, self.initial),
            (walk.R_STATE, self.state),
            (walk.R_CLEAN, self.clean),
            (walk.R_SAVED, self.saved),
            (walk.R_SCRATCH, self.scratch),
            (walk.R_TAKEN, self.taken),
            (walk.R_PLAN, self.plan),
            (walk.R_PRIORITY, self.priority),
        ):
            self.words.set(offset, part.address)
        self.size = len(initial)
        self.words.set(walk.R_STEP, system.native.address("step"))
        self.words.set(walk.R_KERNEL, 1 << kernel)
        self.words.set(walk.R_SHARED, system.shared_size)
        self.words.set(walk.R_RECORD, system.record_size)
        self.words.set(walk.R_TASKS, self.tasks)
        self.words.set(walk.R_LIMIT, limit)
        self._publish_seen()

    def get(self, offset: int) -> int:
        """A word of the loops' struct."""
        return self.words.get(offset)

    def watch(self, offset: int, group: int, mask_offset: int, mask: int) -> None:
        """Check a group of predicates (-1: none)."""
        address = 0 if group < 0 else self.system.native.address(f"predicates_{group}")
        self.words.set(offset, address)
        self.words.set(mask_offset, mask)

    def set_depth(self, depth: int) -> None:
        """Use priorities, and draw `depth` - 1 changes of them."""
        self.changes = Words(depth + 1)
        self.words.set(walk.R_CHANGES, self.changes.address)
        self.words.set(walk.R_DEPTH, depth)

    def _publish_seen(self) -> None:
        self.words.set(walk.R_SEEN, self.seen.address)
        self.words.set(walk.R_SEEN_MASK, len(self.seen.data) - 1)

    def make_room(self) -> None:
        """See that the set of final states is not too full."""
        if self.get(walk.R_SEEN_COUNT) * 2 < len(self.seen.data):
            return
        old = [h for h in self.seen.data if h]
        self.seen = Words(len(self.seen.data) * 2)
        mask = len(self.seen.data) - 1
        for h in old:
            i = h >> 1 & mask
            while self.seen.data[i]:
                i = (i + 1) & mask
            self.seen.data[i] = h
        self._publish_seen()

    def walk(self, quota: int) -> int:
        """Go on with random runs."""
        return int(self.native["walk"](self.words.address, quota))

    def follow(self, steps: Sequence[Step]) -> int:
        """Follow a schedule, and finish."""
        plan = ctypes.cast(self.plan.address, ctypes.POINTER(ctypes.c_uint32))
        for k, (task, choice) in enumerate(steps):
            plan[k] = task << 8 | choice
        return int(self.native["follow"](self.words.address, len(steps)))

    def schedule(self) -> Schedule:
        """The steps that the last run has taken."""
        taken = ctypes.cast(self.taken.address, ctypes.POINTER(ctypes.c_uint32))
        return tuple((taken[k] >> 8, taken[k] & 255) for k in range(self.get(walk.R_COUNT)))

    def state_bytes(self) -> bytes:
        """The state that the last run has led to."""
        return ctypes.string_at(self.state.address, self.size)


def runs(
    system: Machine,
    initial: bytes,
    kernel: int = 0,
    *,
    seed: int = 0,
    runs: int = 1000,
    depth: int | None = None,
    invariants: int = -1,
    required: int = 0,
    finals: int = -1,
    final_mask: int = 0,
    deadlock: bool = True,
    seconds: float = float("inf"),
    limit: int = LIMIT,
    shorten: bool = True,
    objects: Callable[[bytes], bool] | None = None,
    watch: Callable[[RunsProgress], None] | None = None,
) -> RunsOutcome:
    """Make runs from one initial state until one of them violates something.

    depth: None for a random task at each step; d for priorities that change at d - 1 random steps
    (PCT). invariants, required, finals, final_mask, deadlock: what to check, as in a search.
    objects: is asked about each new final state, and says whether something is wrong with it.
    limit: steps after which a run is given up.
    """
    walker = _Walker(system, initial, kernel, limit)
    words = walker.words
    words.set(walk.R_STUCK, int(deadlock))
    if depth is not None:
        # without checks yet: only to learn how long a run may be
        walker.follow(())
        words.set(walk.R_LONGEST, walker.get(walk.R_COUNT))
        walker.set_depth(max(1, depth))
    walker.watch(walk.R_PREDICATES, invariants, walk.R_REQUIRED, required)
    walker.watch(walk.R_FINALS, finals, walk.R_FINAL_MASK, final_mask)
    words.set(walk.R_SEED, seed & (1 << 64) - 1)
    words.set(walk.R_LAST, runs)
    started = time.monotonic()
    passed = 0.0
    stopped = ""
    code = walk.PAUSED
    until = SLICE
    try:
        while True:
            code = walker.walk(max(1, until - walker.get(walk.R_STEPS)))
            passed = time.monotonic() - started
            if code == walk.NEW_END:
                walker.make_room()
                if objects is not None and objects(walker.state_bytes()):
                    stopped = "violation"
            elif code == walk.PAUSED:
                until += SLICE
                if watch is not None:
                    watch(_progress(walker, passed))
            elif code != walk.DONE:
                stopped = "violation"
            if not stopped and code != walk.DONE and passed > seconds:
                stopped = "time"
            if stopped or code == walk.DONE:
                break
    except KeyboardInterrupt:
        stopped = "interrupted"
    outcome = _progress(walker, passed)
    longest, unfinished = walker.get(walk.R_LONGEST), walker.get(walk.R_UNFINISHED)
    found = None
    if stopped == "violation":
        found = _bad_run(walker, initial, kernel, code, objects, shorten)
    return RunsOutcome(
        outcome.runs, outcome.steps, outcome.ends, unfinished, longest, passed, stopped, found
    )


def _progress(walker: _Walker, seconds: float) -> RunsProgress:
    return RunsProgress(
        walker.get(walk.R_RUN),
        walker.get(walk.R_STEPS),
        walker.get(walk.R_SEEN_COUNT),
        seconds,
    )


def _bad_run(
    walker: _Walker,
    initial: bytes,
    kernel: int,
    code: int,
    objects: Callable[[bytes], bool] | None,
    shorten: bool,
) -> BadRun:
    """What the last run has found, shortened, and taken once more step by step."""
    run, detail = walker.get(walk.R_RUN) - 1, walker.get(walk.R_DETAIL)
    original = walker.schedule()
    wanted = walk.ENDED if code == walk.NEW_END else code

    def attempt(steps: Schedule) -> Schedule | None:
        if walker.follow(steps) != wanted:
            return None
        if wanted == walk.ENDED:
            if objects is None or not objects(walker.state_bytes()):
                return None
        elif wanted != engine.DEADLOCK and walker.get(walk.R_DETAIL) != detail:
            return None
        return walker.schedule()

    steps = shortened(original, attempt) if shorten else original
    _, state = replay(walker.system, initial, steps, kernel)
    kind = _KINDS.get(code, "end")
    task = steps[-1][0] if steps else -1
    if kind == "deadlock":
        detail = 0
    return BadRun(kind, run, steps, original, task, detail if kind != "end" else 0, state)
