"""Tasks that run the same program: some can be exchanged, some only seem so.

A `Local` belongs to the task of its number.
"""

from __future__ import annotations

from mmspec.lang import (
    Array,
    Struct,
    array,
    atomic,
    choose,
    param,
    pool,
    static,
    this_task,
    u8,
    u16,
    wait_until,
)

TASKS: int = param("twins_tasks", 3)


class Local(Struct):
    count: u8
    cache: u16
    seen: Array[u8] = array(2)


class Common(Struct):
    turn: u8
    owner: u8
    total: u8
    last: Local
    log: Array[u8] = array(2)


class Hidden(Struct):
    left: Local
    right: u8


locals_ = pool(Local, TASKS)
common: Common = static(Common)
hidden = pool(Hidden, TASKS)


# -------------------------------------------------------------------------- interchangeable


def counts() -> None:
    locals_[this_task()].count += 1
    common.total += 1
    locals_[this_task()].cache = 300 + locals_[this_task()].count


def picks() -> None:
    n = choose(3)
    locals_[this_task()].count = n
    locals_[this_task()].seen[1] = common.total
    common.total += n


@atomic
def flush_all() -> None:
    for n in range(TASKS):
        locals_[n].cache = 0


@atomic
def anybody_else() -> bool:
    for n in range(TASKS):  # noqa: SIM110
        if n != this_task() and locals_[n].cache:
            return True
    return False


def flushes() -> None:
    locals_[this_task()].cache = 3
    if anybody_else():
        flush_all()
        locals_[this_task()].seen[0] = 1
    common.total += 1


def waits() -> None:
    locals_[this_task()].count = 1
    wait_until(lambda: common.total == 2)
    common.turn += 1


def fails() -> None:
    locals_[this_task()].cache += 1
    common.total += 1
    seen = common.total
    assert seen < 2 or locals_[this_task()].count, "too many"


def flusher() -> None:
    """Not one of them, but it touches what is theirs."""
    flush_all()
    common.turn += 1
    flush_all()


# ---------------------------------------------------------------------- not interchangeable


def signs() -> None:
    common.total += 1
    common.owner = this_task()


def remembers() -> None:
    me = this_task()
    common.total += 1
    locals_[me].count = 1


def points() -> None:
    common.total += 1
    common.last = locals_[this_task()]


def hides() -> None:
    common.total += 1
    hidden[this_task()].right = 1


@atomic
def first_free() -> u8:
    for n in range(TASKS):
        if not locals_[n].count:
            locals_[n].count = 1
            return 1
    return 0


def takes_first() -> None:
    common.total += 1
    common.log[0] = 2
    got = first_free()
    common.turn = got


def prefers_the_first() -> None:
    common.total += 1
    if this_task() == 0:
        common.turn = 1


def looks_at_the_next() -> None:
    """The same for all in turn, but not if two change places."""
    locals_[this_task()].count = 1
    seen = locals_[(this_task() + 1) % TASKS].count
    common.turn += seen
    locals_[this_task()].cache = seen


# ------------------------------------------------------------------------------- predicates


def total_is_small() -> bool:
    return common.total < 2


def nobody_caches() -> bool:
    for n in range(TASKS):  # noqa: SIM110
        if locals_[n].cache == 3:
            return False
    return True


def the_first_does_not_count() -> bool:
    return locals_[0].count == 0
