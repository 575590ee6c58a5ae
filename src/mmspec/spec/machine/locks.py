"""Locks that nobody tests and that are only taken by waiting."""

from __future__ import annotations

from mmspec.lang import Struct, acquire, acquired, locked_by, release, released, u8, wait_until


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
