"""Locks that nobody tests and that are only taken by waiting."""

from __future__ import annotations

from mmspec.lang import (
    Struct,
    acquire,
    acquired,
    atomic,
    locked_by,
    release,
    released,
    static,
    u8,
    wait_until,
)


class SpinLock(Struct):
    """spinlock_t: 1 while taken."""

    locked: u8


@acquire
def spin_lock(lock: SpinLock) -> None:
    """Take the lock; wait while somebody has it."""
    wait_until(lambda: not lock.locked)
    lock.locked = 1
    acquired(lock)


@release
def spin_unlock(lock: SpinLock) -> None:
    """Give the lock back."""
    released(lock)
    lock.locked = 0


spin_locked = locked_by(spin_lock, spin_unlock)


class RwSemaphore(Struct):
    """struct rw_semaphore: many readers or one writer; no order among those who wait."""

    readers: u8
    writer: u8


@acquire
def down_read(sem: RwSemaphore) -> None:
    """Take it together with other readers."""
    wait_until(lambda: not sem.writer)
    sem.readers += 1
    acquired(sem, shared=True)


@release
def up_read(sem: RwSemaphore) -> None:
    """Give back a read lock."""
    released(sem, shared=True)
    sem.readers -= 1


@acquire
def down_write(sem: RwSemaphore) -> None:
    """Take it alone."""
    wait_until(lambda: not sem.writer and not sem.readers)
    sem.writer = 1
    acquired(sem)


@release
def up_write(sem: RwSemaphore) -> None:
    """Give back a write lock."""
    released(sem)
    sem.writer = 0


read_locked = locked_by(down_read, up_read)
write_locked = locked_by(down_write, up_write)


class TriedSemaphore(Struct):
    """A rw_semaphore that somebody takes by down_read_trylock(): to take it is seen by others."""

    readers: u8
    writer: u8


@atomic
def tried_down_read(sem: TriedSemaphore) -> None:
    """Take it together with other readers."""
    wait_until(lambda: not sem.writer)
    sem.readers += 1
    acquired(sem, shared=True)


@atomic
def tried_down_read_trylock(sem: TriedSemaphore) -> bool:
    """The same, unless it would have to wait."""
    if sem.writer:
        return False
    sem.readers += 1
    acquired(sem, shared=True)
    return True


@atomic
def tried_up_read(sem: TriedSemaphore) -> None:
    """Give back a read lock."""
    released(sem, shared=True)
    sem.readers -= 1


@atomic
def tried_down_write(sem: TriedSemaphore) -> None:
    """Take it alone."""
    wait_until(lambda: not sem.writer and not sem.readers)
    sem.writer = 1
    acquired(sem)


@atomic
def tried_up_write(sem: TriedSemaphore) -> None:
    """Give back a write lock."""
    released(sem)
    sem.writer = 0


class RcuReaders(Struct):
    """Read-side critical sections under way, on all processors."""

    count: u8


rcu: RcuReaders = static(RcuReaders)


@acquire
def rcu_read_lock() -> None:
    """What is freed by RCU from now on stays until rcu_read_unlock()."""
    rcu.count += 1
    acquired(rcu, shared=True)


@release
def rcu_read_unlock() -> None:
    """End of the section."""
    released(rcu, shared=True)
    rcu.count -= 1


@atomic
def synchronize_rcu() -> None:
    """Wait until no section is under way."""
    wait_until(lambda: not rcu.count)
