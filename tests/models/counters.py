"""Two tasks add to a counter: with a lost update, under a lock, and atomically."""

from mmspec.lang import Struct, atomic, embedded, guarded, static, u8
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_locked, spin_unlock
from tests.models.case import Case


class Counter(Struct):
    racy: u8
    safe: u8 = guarded("lock")
    atomic: u8
    lock: SpinLock = embedded()


shared = static(Counter)


def racy_add() -> None:
    shared.racy += 1


def locked_add() -> None:
    spin_lock(shared.lock)
    shared.safe += 1
    spin_unlock(shared.lock)


@atomic
def bump(n: u8) -> u8:
    shared.atomic += n
    return shared.atomic


def atomic_add() -> None:
    seen = bump(1)
    if seen == 2:
        shared.racy = 7


def with_add() -> None:
    for i in range(2):
        with spin_locked(shared.lock):
            if shared.safe == 1:
                break
            shared.safe += i + 1


CASES = [
    Case([racy_add, racy_add], full=(12, 14), merged=(12, 14)),
    Case([locked_add, locked_add], full=(16, 16), merged=(4, 4)),
    Case([atomic_add, atomic_add], full=(6, 6), merged=(6, 6)),
    Case([with_add, with_add], full=(30, 32), merged=(8, 10)),
    Case([with_add, locked_add, racy_add], full=(87, 142), merged=(24, 37)),
]
