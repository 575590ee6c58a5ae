"""Tasks that go wrong in one way or another, and the same tasks put right."""

from mmspec.lang import (
    Struct,
    atomic,
    choose,
    commuting,
    counter,
    embedded,
    guarded,
    pool,
    static,
    u8,
    wait_until,
    written_under,
)
from mmspec.spec.machine.locks import (
    RwSemaphore,
    SpinLock,
    down_read,
    down_write,
    spin_lock,
    spin_unlock,
    up_read,
    up_write,
)


class Box(Struct):
    ready: u8
    data: u8
    sum: u8
    seen: u8


class Side(Struct):
    lock: SpinLock = embedded()
    inside: u8 = guarded("lock")
    shown: u8 = written_under("lock")
    hits: u8 = counter()


box: Box = static(Box)
sides = pool(Side, 2)
gate: RwSemaphore = static(RwSemaphore)


def publish_early() -> None:
    box.ready = 1
    box.data = 7


def publish() -> None:
    box.data = 7
    box.ready = 1


def consume() -> None:
    if box.ready:
        assert box.data == 7, "read before it was written"


def racy_add() -> None:
    box.sum += 1


def no_update_is_lost() -> bool:
    return box.sum == 2


def is_small() -> bool:
    return box.data < 7


def left_right() -> None:
    spin_lock(sides[0].lock)
    sides[0].inside = 1
    spin_lock(sides[1].lock)
    spin_unlock(sides[1].lock)
    spin_unlock(sides[0].lock)


def right_left() -> None:
    spin_lock(sides[1].lock)
    spin_lock(sides[0].lock)
    spin_unlock(sides[0].lock)
    spin_unlock(sides[1].lock)


def waits() -> None:
    wait_until(lambda: box.ready == 3)


def guesses() -> None:
    first = choose(5)
    box.sum = first
    second = choose(7)
    assert first != 3 or second != 5, "guessed"


@commuting
def hit() -> None:
    sides[0].hits += 1


def hits_and_locks() -> None:
    hit()
    spin_lock(sides[0].lock)
    spin_unlock(sides[0].lock)


def locks_long() -> None:
    spin_lock(sides[0].lock)
    box.ready = 1
    box.data = 1
    box.ready = 2
    spin_unlock(sides[0].lock)


def shows() -> None:
    spin_lock(sides[0].lock)
    sides[0].shown = 1
    spin_unlock(sides[0].lock)


def shows_unlocked() -> None:
    if sides[0].shown == 0:
        sides[0].shown = 2


def lock_both(first: Side, second: Side) -> None:
    spin_lock(first.lock)
    spin_lock(second.lock)
    spin_unlock(second.lock)
    spin_unlock(first.lock)


def through_pointers() -> None:
    lock_both(sides[1], sides[0])


def keeps_it() -> None:
    spin_lock(sides[1].lock)


def both_ready() -> bool:
    return box.ready == 3 and box.data == 4


@atomic
def wait_for_both(n: u8) -> None:
    wait_until(lambda: sides[n].hits != 0 or both_ready())
    box.sum = n


def waits_for_both() -> None:
    box.seen = 1
    wait_for_both(box.seen)


def reads_slowly() -> None:
    down_read(gate)
    wait_until(lambda: box.ready == 3)
    up_read(gate)


def writes_at_once() -> None:
    down_write(gate)
    up_write(gate)
