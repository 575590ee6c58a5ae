"""Disciplines of fields and roles of atomic steps, and what merging makes of them."""

from mmspec.lang import (
    Array,
    Struct,
    acquire,
    acquired,
    array,
    atomic,
    choose,
    commuting,
    counter,
    embedded,
    guarded,
    immutable,
    initializer,
    pool,
    release,
    released,
    static,
    this_task,
    u8,
    unlocked,
    volatile,
    wait_until,
    written_under,
)
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_locked, spin_unlock
from tests.models.case import Case


class Page(Struct):
    owner: u8 = immutable()
    kind: Array[u8] = array(2, immutable())
    hits: u8 = counter()
    count: u8
    lock: SpinLock = embedded()
    private: u8 = guarded("lock")
    entry: u8 = volatile("lock")
    state: u8 = written_under("lock")


class Global(Struct):
    n: u8
    m: u8
    done: u8
    page: Page
    gate: u8


pages = pool(Page, 2)
g: Global = static(Global)


@initializer
def make(page: Page, owner: u8) -> None:
    page.owner = owner
    page.kind[1] = owner + 1
    page.private = 1
    page.state = 1
    fill(page)


def fill(page: Page) -> None:
    page.kind[0] = 3
    touch(page)


@atomic
def touch(page: Page) -> None:
    page.private += 1


@commuting
def hit(page: Page) -> None:
    page.hits += 1


@commuting
def unhit(page: Page, n: u8) -> None:
    page.hits -= n


@atomic
def read_hits(page: Page) -> u8:
    return page.hits


@unlocked
def set_dirty(page: Page) -> u8:
    """The processor needs no lock."""
    if page.entry == 0:
        return 0
    page.entry |= 2
    return page.entry


@acquire
def lock_own() -> None:
    """An acquisition without anything to wait for."""
    acquired(pages[this_task()].lock)


@release
def unlock_own() -> None:
    released(pages[this_task()].lock)


@acquire
def enter_gate(n: u8) -> None:
    wait_until(lambda: g.gate == 0 or n == 0)
    g.gate += 1


@release
def leave_gate() -> None:
    g.gate -= 1


def makes() -> None:
    """Initializes before it publishes."""
    page = pages[0]
    make(page, 4)
    g.page = page
    g.done = 1


def uses() -> None:
    if g.done == 1:
        page = g.page
        n = page.owner + page.kind[0] + page.kind[1]
        g.n = n
        with spin_locked(page.lock):
            page.private += 1


def makes_then_waits() -> None:
    """What comes before the first lock is not executed while the lock is taken."""
    make(pages[0], 4)
    hit(pages[0])
    spin_lock(pages[1].lock)
    n = pages[0].owner
    pages[1].private = n
    spin_unlock(pages[1].lock)


def holds_lock() -> None:
    spin_lock(pages[1].lock)
    g.n += 1
    spin_unlock(pages[1].lock)
    hit(pages[0])


def counts() -> None:
    hit(pages[0])
    g.n += 1
    hit(pages[0])
    unhit(pages[0], 2)


def counts_and_tells() -> None:
    hit(pages[0])
    hit(pages[0])
    g.done += 1


def reads_hits() -> None:
    """Counters are read when nobody counts any more."""
    wait_until(lambda: g.done == 2)
    n = read_hits(pages[0])
    g.m = n


def dirties() -> None:
    n = set_dirty(pages[0])
    g.n = n


def clears() -> None:
    with spin_locked(pages[0].lock):
        n = pages[0].entry
        pages[0].entry = 0
        pages[0].private = n
        if pages[0].entry == 0:
            pages[0].entry = 1


def maps() -> None:
    with spin_locked(pages[0].lock):
        pages[0].entry = 1
        pages[0].entry += 4


def peeks() -> None:
    n = pages[0].entry
    g.m = n
    g.n = pages[0].entry


def writes_entry_without_lock() -> None:
    pages[0].entry = 3


def own_locks() -> None:
    page = pages[this_task()]
    lock_own()
    page.private += 1
    unlock_own()
    g.n = page.kind[0]


def may_keep_lock() -> None:
    """What a task holds at its end says nothing any more."""
    if choose(2):
        lock_own()
    g.m = 1


def gates() -> None:
    enter_gate(1)
    g.n += 1
    leave_gate()


def open_gate() -> None:
    enter_gate(0)
    g.m = g.n
    leave_gate()


def crosses_locks() -> None:
    """Two locks at once, in one order ..."""
    with spin_locked(pages[0].lock):
        pages[0].private = 1
        with spin_locked(pages[1].lock):
            pages[1].private = 2
            pages[0].private = 3
        pages[0].state = 4


def crosses_back() -> None:
    """... and in the other: a deadlock, merged or not."""
    spin_lock(pages[1].lock)
    spin_lock(pages[0].lock)
    pages[0].private = 5
    spin_unlock(pages[0].lock)
    spin_unlock(pages[1].lock)


def waits_under_lock() -> None:
    spin_lock(pages[0].lock)
    wait_until(lambda: g.done == 1)
    pages[0].private = 9
    spin_unlock(pages[0].lock)


def done_under_lock() -> None:
    g.n = 1
    with spin_locked(pages[0].lock):
        g.done = 1


def many_steps() -> None:
    """Everything under one lock is one step; a visible write ends it."""
    page = pages[0]
    spin_lock(page.lock)
    for i in range(3):
        page.private += i
    page.state = page.private
    page.private = page.state
    page.count = 1
    page.private += 1
    spin_unlock(page.lock)


def looks() -> None:
    n = pages[0].state
    if n:
        g.m = n + pages[0].count


CASES = [
    Case([makes, uses], full=(18, 19), merged=(10, 10)),
    Case([makes, uses, uses], full=(146, 240), merged=(43, 64)),
    Case([makes_then_waits, holds_lock], full=(33, 47), merged=(6, 6)),
    Case([makes_then_waits, holds_lock, holds_lock], full=(135, 252), merged=(16, 20)),
    Case([counts, counts], full=(51, 82), merged=(12, 14)),
    Case([counts_and_tells, counts_and_tells, reads_hits], full=(31, 45), merged=(15, 17)),
    Case([dirties, clears], full=(50, 70), merged=(31, 40), set_up=maps),
    Case([dirties, clears, peeks], full=(887, 1756), merged=(522, 941), slow=True, set_up=maps),
    Case([maps, dirties, peeks], full=(658, 1262), merged=(420, 724), slow=True),
    Case([writes_entry_without_lock, clears], full=(16, 22), merged=(10, 13), faults=["data race"]),
    Case([own_locks, own_locks], full=(49, 84), merged=(9, 12)),
    Case([may_keep_lock, own_locks], full=(35, 65), merged=(9, 15)),
    Case([gates, gates, open_gate], full=(108, 166), merged=(33, 43)),
    Case([crosses_locks, crosses_locks], full=(32, 32), merged=(12, 12)),
    Case([crosses_locks, crosses_back], full=(33, 38), merged=(13, 14)),
    Case([waits_under_lock, done_under_lock], full=(11, 11), merged=(6, 6)),
    Case([many_steps, looks], full=(61, 88), merged=(14, 15)),
    Case([many_steps, many_steps, looks], full=(362, 563), merged=(56, 81), slow=True),
]
