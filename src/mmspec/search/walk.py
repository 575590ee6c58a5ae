"""Runs along one schedule, in the low-level subset (see `lowlevel.py`).

`walk` lets tasks run from the initial state to their end, again and again, each time in an order
drawn at random: either any task that can go on, at every step; or the one with the highest
priority, where priorities are drawn and a few of them change on the way (PCT: a bug that takes
`depth` ordering constraints is found by each run with a known least probability). `follow` takes
the steps of a given schedule, and then lets one task after the other finish.

A step is taken in place. What it changed is found by comparing shared memory with a copy; the same
copy undoes a step.
"""

from __future__ import annotations

from mmspec.search.engine import (
    BLOCKED,
    DEADLOCK,
    FAULT,
    FINAL,
    INVARIANT,
    MORE,
    VIOLATED,
    differs,
    hash_bytes,
    same,
)
from mmspec.search.lowlevel import call3, call4, copy, ld16, ld32, ld64, mum, st32, st64

# ---- what Python code fills in
R_STEP, R_PREDICATES, R_REQUIRED, R_FINALS, R_FINAL_MASK, R_KERNEL = (8 * k for k in range(6))
R_SHARED, R_RECORD, R_TASKS, R_INITIAL, R_STATE, R_CLEAN = (8 * k for k in range(6, 12))
R_SAVED, R_SCRATCH, R_TAKEN, R_PLAN, R_LIMIT, R_STUCK = (8 * k for k in range(12, 18))
R_SEED, R_LAST, R_DEPTH, R_PRIORITY, R_CHANGES, R_SEEN = (8 * k for k in range(18, 24))
R_SEEN_MASK = 8 * 24
# ---- what these loops leave there
R_RUN, R_RANDOM, R_COUNT, R_STEPS, R_LONGEST, R_UNFINISHED = (8 * k for k in range(25, 31))
R_SEEN_COUNT, R_CHOICE, R_DETAIL, R_FLOOR, R_SLICE = (8 * k for k in range(31, 36))
R_SIZE = 512

#: How `walk` and `follow` end, beside the kinds of violation of `engine.py`.
DONE, ENDED, UNFINISHED, PAUSED, NEW_END = 0, 16, 17, 18, 19

#: Steps that one task may take in a row before others with lower priorities get a chance.
PATIENCE = 2000
#: Priorities: as drawn first, after a change, after losing patience (and downwards).
DRAWN, CHANGED, SPENT = 1 << 40, 1 << 32, 1 << 31


def random(r: int) -> int:
    """The next random word (splitmix64)."""
    x = ld64(r + R_RANDOM) + 0x9E3779B97F4A7C15
    st64(r + R_RANDOM, x)
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB
    return x ^ (x >> 31)


def undo(r: int) -> None:
    """Put shared memory back to what it was before the step."""
    state = ld64(r + R_STATE)
    clean = ld64(r + R_CLEAN)
    size = ld64(r + R_SHARED)
    block = 0
    while block < size:
        left = size - block
        if left > 64:
            left = 64
        if differs(state + block, clean + block, left):
            copy(state + block, clean + block, left)
        block += 64


def accept(r: int) -> int:
    """Keep what the step left; the invariants that are broken, if it changed shared memory."""
    state = ld64(r + R_STATE)
    clean = ld64(r + R_CLEAN)
    size = ld64(r + R_SHARED)
    changed = 0
    block = 0
    while block < size:
        left = size - block
        if left > 64:
            left = 64
        if differs(state + block, clean + block, left):
            changed = 1
            copy(clean + block, state + block, left)
        block += 64
    if changed and ld64(r + R_PREDICATES):
        truth = call3(ld64(r + R_PREDICATES), state, ld64(r + R_SCRATCH), ld64(r + R_KERNEL))
        return (truth & ld64(r + R_REQUIRED)) ^ ld64(r + R_REQUIRED)
    return 0


def record_of(r: int, task: int) -> int:
    """Where a task's record is."""
    return ld64(r + R_STATE) + ld64(r + R_SHARED) + task * ld64(r + R_RECORD)


def take(r: int, task: int, choice: int) -> int:
    """One step; what `step` returned. If it is BLOCKED, nothing has changed."""
    mine = record_of(r, task)
    size = ld64(r + R_RECORD)
    copy(ld64(r + R_SAVED), mine, size)
    result = call4(ld64(r + R_STEP), ld64(r + R_STATE), task, choice, ld64(r + R_KERNEL))
    if result == BLOCKED:
        take_back(r, task)
    return result


def take_back(r: int, task: int) -> None:
    """Undo the step that `take` has just taken."""
    undo(r)
    copy(record_of(r, task), ld64(r + R_SAVED), ld64(r + R_RECORD))


def attempt(r: int, task: int) -> int:
    """One step of a task, one of its alternatives at random."""
    result = take(r, task, 0)
    st64(r + R_CHOICE, 0)
    if result & MORE == 0:
        return result
    n = 1
    while result & MORE:
        take_back(r, task)
        result = take(r, task, n)
        n += 1
    chosen = random(r) % n
    if chosen + 1 != n:
        take_back(r, task)
        result = take(r, task, chosen)
    st64(r + R_CHOICE, chosen)
    return result


def begin(r: int) -> int:
    """Back to the initial state; the tasks that have not ended there, as bits."""
    tasks = ld64(r + R_TASKS)
    shared = ld64(r + R_SHARED)
    copy(ld64(r + R_STATE), ld64(r + R_INITIAL), shared + tasks * ld64(r + R_RECORD))
    copy(ld64(r + R_CLEAN), ld64(r + R_INITIAL), shared)
    st64(r + R_COUNT, 0)
    alive = 0
    t = 0
    while t < tasks:
        if ld16(record_of(r, t)):
            alive |= 1 << t
        t += 1
    return alive


def draw(r: int, mask: int) -> int:
    """Any of the tasks in `mask`."""
    n = 0
    rest = mask
    while rest:
        n += 1
        rest &= rest - 1
    n = random(r) % n
    while n:
        mask &= mask - 1
        n -= 1
    return lowest(mask)


def lowest(mask: int) -> int:
    """The number of the lowest bit."""
    t = 0
    while (mask >> t) & 1 == 0:
        t += 1
    return t


def prepare(r: int) -> None:
    """Draw priorities, and the numbers of steps after which the task that took them loses its."""
    priority = ld64(r + R_PRIORITY)
    tasks = ld64(r + R_TASKS)
    t = 0
    while t < tasks:
        other = random(r) % (t + 1)
        st64(priority + t * 8, ld64(priority + other * 8))
        st64(priority + other * 8, DRAWN + t)
        t += 1
    changes = ld64(r + R_CHANGES)
    length = ld64(r + R_LONGEST)
    k = 1
    while k < ld64(r + R_DEPTH):
        st64(changes + k * 8, 1 + random(r) % (length + 1))
        k += 1
    st64(r + R_FLOOR, SPENT)


def highest(r: int, mask: int) -> int:
    """The task in `mask` with the highest priority."""
    priority = ld64(r + R_PRIORITY)
    best = lowest(mask)
    rest = mask & (mask - 1)
    while rest:
        t = lowest(rest)
        if ld64(priority + t * 8) > ld64(priority + best * 8):
            best = t
        rest &= rest - 1
    return best


def change(r: int, task: int, streak: int) -> None:
    """Lower the priority of the task that has just stepped, if it is time to."""
    mine = ld64(r + R_PRIORITY) + task * 8
    count = ld64(r + R_COUNT)
    changes = ld64(r + R_CHANGES)
    k = 1
    while k < ld64(r + R_DEPTH):
        if ld64(changes + k * 8) == count:
            st64(mine, CHANGED + k)
        k += 1
    if streak >= PATIENCE:
        floor = ld64(r + R_FLOOR) - 1
        st64(r + R_FLOOR, floor)
        st64(mine, floor)


def stepped(r: int, task: int, choice: int, result: int) -> int:
    """Note a step that has been taken; 0, or the kind of violation."""
    count = ld64(r + R_COUNT)
    st32(ld64(r + R_TAKEN) + count * 4, (task << 8) | choice)
    st64(r + R_COUNT, count + 1)
    broken = accept(r)
    if result & VIOLATED:
        st64(r + R_DETAIL, ld16(record_of(r, task) + 2))
        return FAULT
    if broken:
        st64(r + R_DETAIL, broken)
        return INVARIANT
    return 0


def conclude(r: int) -> int:
    """All tasks have ended: ENDED, or FINAL if what must hold then does not."""
    if ld64(r + R_FINALS):
        truth = call3(
            ld64(r + R_FINALS), ld64(r + R_STATE), ld64(r + R_SCRATCH), ld64(r + R_KERNEL)
        )
        broken = (truth & ld64(r + R_FINAL_MASK)) ^ ld64(r + R_FINAL_MASK)
        if broken:
            st64(r + R_DETAIL, broken)
            return FINAL
    return ENDED


def run_once(r: int) -> int:
    """One run: ENDED, UNFINISHED, or the kind of violation."""
    alive = begin(r)
    depth = ld64(r + R_DEPTH)
    if depth:
        prepare(r)
    before = 64
    streak = 0
    while alive:
        if ld64(r + R_COUNT) >= ld64(r + R_LIMIT):
            return UNFINISHED
        left = alive
        task = 0
        result = BLOCKED
        while left:
            if depth:
                task = highest(r, left)
            else:
                task = draw(r, left)
            result = attempt(r, task)
            if result != BLOCKED:
                break
            left ^= 1 << task
        if left == 0:
            if ld64(r + R_STUCK):
                return DEADLOCK
            return UNFINISHED
        found = stepped(r, task, ld64(r + R_CHOICE), result)
        if found:
            return found
        if ld16(record_of(r, task)) == 0:
            alive ^= 1 << task
        if depth:
            streak += 1
            if task != before:
                streak = 1
            before = task
            change(r, task, streak)
    return conclude(r)


def is_new(r: int) -> int:
    """Whether no run has ended in this state before; it is noted."""
    h = hash_bytes(ld64(r + R_STATE), ld64(r + R_SHARED)) | 1
    seen = ld64(r + R_SEEN)
    mask = ld64(r + R_SEEN_MASK)
    i = (h >> 1) & mask
    while 1:
        x = ld64(seen + i * 8)
        if x == h:
            return 0
        if x == 0:
            st64(seen + i * 8, h)
            st64(r + R_SEEN_COUNT, ld64(r + R_SEEN_COUNT) + 1)
            return 1
        i = (i + 1) & mask
    return 0


def walk(r: int, quota: int) -> int:
    """Runs, until all are DONE, one ends in a state that is new (NEW_END), or in a violation.

    PAUSED after `quota` steps.
    """
    limit = ld64(r + R_STEPS) + quota
    while ld64(r + R_RUN) < ld64(r + R_LAST):
        if ld64(r + R_STEPS) >= limit:
            return PAUSED
        run = ld64(r + R_RUN)
        st64(r + R_RANDOM, mum(ld64(r + R_SEED) ^ 0xA0761D6478BD642F, run * 2 + 0xE7037ED1A0B428DB))
        st64(r + R_RUN, run + 1)
        found = run_once(r)
        count = ld64(r + R_COUNT)
        st64(r + R_STEPS, ld64(r + R_STEPS) + count)
        if found == UNFINISHED:
            st64(r + R_UNFINISHED, ld64(r + R_UNFINISHED) + 1)
        else:
            if count > ld64(r + R_LONGEST):
                st64(r + R_LONGEST, count)
            if found != ENDED:
                return found
            if is_new(r):
                return NEW_END
    return DONE


def follow(r: int, planned: int) -> int:
    """Take `planned` steps that were planned, but those that are not possible; then finish.

    To finish: the task that has stepped last goes on until it must wait; then the first that can.
    """
    alive = begin(r)
    plan = ld64(r + R_PLAN)
    task = 0
    k = 0
    while k < planned:
        how = ld32(plan + k * 4)
        k += 1
        if (alive >> (how >> 8)) & 1 == 0:
            continue
        result = take(r, how >> 8, how & 255)
        if result == BLOCKED:
            continue
        task = how >> 8
        found = stepped(r, task, how & 255, result)
        if found:
            return found
        if ld16(record_of(r, task)) == 0:
            alive ^= 1 << task
    while alive:
        if ld64(r + R_COUNT) >= ld64(r + R_LIMIT):
            return UNFINISHED
        left = alive
        if (left >> task) & 1 == 0:
            task = lowest(left)
        result = BLOCKED
        while left:
            result = take(r, task, 0)
            if result != BLOCKED:
                break
            left ^= 1 << task
            if left:
                task = lowest(left)
        if left == 0:
            if ld64(r + R_STUCK):
                return DEADLOCK
            return UNFINISHED
        found = stepped(r, task, 0, result)
        if found:
            return found
        if ld16(record_of(r, task)) == 0:
            alive ^= 1 << task
    return conclude(r)


FUNCTIONS = (
    hash_bytes,
    same,
    differs,
    random,
    undo,
    accept,
    record_of,
    take,
    take_back,
    attempt,
    begin,
    draw,
    lowest,
    prepare,
    highest,
    change,
    stepped,
    conclude,
    run_once,
    is_new,
    walk,
    follow,
)
EXPORTED = (walk, follow)
