"""Locks: as calls and as `with`, left in every way, shared and exclusive, used well and badly."""

from mmspec.lang import (
    Array,
    Struct,
    acquired,
    array,
    atomic,
    embedded,
    guarded,
    holds,
    immutable,
    initializer,
    pool,
    release,
    released,
    static,
    u8,
    written_under,
)
from mmspec.spec.machine.locks import (
    RwSemaphore,
    SpinLock,
    down_read,
    down_write,
    read_locked,
    spin_lock,
    spin_locked,
    spin_unlock,
    up_read,
    up_write,
    write_locked,
)
from tests.models.case import Case


class Object(Struct):
    """safe is under `lock`; seen is also read without it; both under the rwsem in `Shelf`."""

    lock: SpinLock = embedded()
    safe: u8 = guarded("lock")
    seen: u8 = written_under("lock")
    free: u8
    const: u8 = immutable()


class Shelf(Struct):
    sem: RwSemaphore = embedded()
    book: u8 = guarded("sem")
    title: u8 = written_under("sem")
    slots: Array[u8] = array(2, guarded("sem"))
    main: Object
    locks: Array[SpinLock] = array(2)
    owned: Array["Leaf"] = array(2)
    n: u8


class Leaf(Struct):
    """Under a lock found through the struct that embeds it, and one found through a pointer."""

    value: u8 = guarded("owner.sem")
    other: u8 = guarded("object.lock")
    object: Object = immutable()


objects = pool(Object, 2)
shelf: Shelf = static(Shelf)


@initializer
def place(obj: Object) -> None:
    shelf.main = obj
    obj.const = 7
    obj.safe = 1
    shelf.owned[0].object = obj
    shelf.owned[1].object = obj


def prepare() -> None:
    place(objects[0])


# ------------------------------------------------------------------------------ leaving


def calls() -> None:
    spin_lock(objects[0].lock)
    objects[0].safe += 1
    objects[0].seen = objects[0].safe
    spin_unlock(objects[0].lock)


def with_return(obj: Object) -> u8:
    with spin_locked(obj.lock):
        if obj.safe == 1:
            return obj.safe
        if obj.safe == 2:
            obj.safe = 5
            return 9
        obj.safe += 1
    return 0


def returns_early() -> None:
    n = with_return(objects[0])
    objects[0].free = n


def leaves_loop() -> None:
    obj = objects[0]
    for i in range(3):
        with spin_locked(obj.lock):
            obj.safe += 1
            if obj.safe == 2:
                continue
            if obj.safe > 3:
                break
        obj.free = i


def leaves_nested() -> None:
    """Two locks; every way out of both, of one, and of a loop in between."""
    for i in range(2):
        with spin_locked(objects[0].lock):
            while objects[0].safe < 4:
                with spin_locked(objects[1].lock):
                    objects[1].safe += 1
                    if objects[1].safe == 1:
                        continue
                    if objects[1].safe == 2:
                        break
                    if objects[1].safe == 4:
                        return
                objects[0].safe += 1
            objects[0].seen = i


def lock_by_index() -> None:
    for i in range(2):
        spin_lock(shelf.locks[i])
    shelf.n += 1
    for i in range(1, -1, -1):
        spin_unlock(shelf.locks[i])


def other_order() -> None:
    spin_lock(shelf.locks[1])
    spin_lock(shelf.locks[0])
    shelf.n += 1
    spin_unlock(shelf.locks[0])
    spin_unlock(shelf.locks[1])


# ------------------------------------------------------------------------------ shared


def reader() -> None:
    with read_locked(shelf.sem):
        n = shelf.book + shelf.slots[1]
        shelf.n = n


def writer() -> None:
    down_write(shelf.sem)
    shelf.book += 1
    shelf.slots[shelf.book - 1] = shelf.book
    shelf.title = 1
    up_write(shelf.sem)


def lockless_reader() -> None:
    if shelf.title == 1:
        with write_locked(shelf.sem):
            shelf.title = 2


def writes_as_reader() -> None:
    down_read(shelf.sem)
    shelf.book = 3
    up_read(shelf.sem)


def reads_title_as_reader() -> None:
    with read_locked(shelf.sem):
        n = shelf.title
        shelf.n = n


# ------------------------------------------------------------------------------ disciplines


def through_paths() -> None:
    leaf = shelf.owned[1]
    down_read(shelf.sem)
    n = leaf.value
    up_read(shelf.sem)
    spin_lock(leaf.object.lock)
    leaf.other = n + 1
    spin_unlock(leaf.object.lock)


def wrong_object() -> None:
    spin_lock(objects[1].lock)
    shelf.owned[0].other = 1
    spin_unlock(objects[1].lock)


def without_lock() -> None:
    shelf.main.safe = 4


def reads_without_lock() -> None:
    n = objects[0].safe
    objects[0].free = n


def writes_seen_without_lock() -> None:
    n = objects[0].seen
    objects[0].seen = n + 1


def reads_seen_with_and_without() -> None:
    n = objects[0].seen
    with spin_locked(objects[0].lock):
        n += objects[0].seen
        objects[0].seen = n
    objects[0].free = objects[0].const


def unlocked_path() -> None:
    """The lock is left out where `free` says so: a race on one path only."""
    obj = objects[0]
    if obj.free == 0:
        spin_lock(obj.lock)
        obj.safe = 2
        spin_unlock(obj.lock)
    else:
        obj.safe = 3


def frees() -> None:
    objects[0].free = 1


@atomic
def peek() -> u8:
    return objects[0].safe


def peeks() -> None:
    with spin_locked(objects[0].lock):
        n = peek()
        objects[0].safe = n + 1


def peeks_without() -> None:
    n = peek()
    objects[0].free = n


# ------------------------------------------------------------------------------ misuse


def takes_twice() -> None:
    down_read(shelf.sem)
    shelf.n = 1
    down_read(shelf.sem)


def releases_twice() -> None:
    spin_lock(objects[0].lock)
    spin_unlock(objects[0].lock)
    spin_unlock(objects[0].lock)


def releases_others() -> None:
    spin_unlock(objects[0].lock)


def ends_with_lock() -> None:
    spin_lock(objects[0].lock)
    objects[0].safe = 9


def reads_then_releases_write() -> None:
    down_read(shelf.sem)
    up_write(shelf.sem)


def takes_null() -> None:
    shelf.n = 1
    spin_lock(shelf.main.lock)
    shelf.main.safe = 1
    spin_unlock(shelf.main.lock)


# ------------------------------------------------------------------------------ bits


class Bit(Struct):
    """A lock that is tried as well as waited for."""

    bit: u8
    under: u8 = guarded("bit_lock")
    bit_lock: "BitLock" = embedded()


class BitLock(Struct):
    set: u8


bits = pool(Bit, 2)


@atomic
def try_bit(lock: BitLock) -> bool:
    if lock.set:
        return False
    lock.set = 1
    acquired(lock)
    return True


@release
def clear_bit(lock: BitLock) -> None:
    released(lock)
    lock.set = 0


@atomic
def assert_held(lock: BitLock) -> None:
    assert holds(lock)


def tries() -> None:
    for i in range(2):
        if try_bit(bits[i].bit_lock):
            assert_held(bits[i].bit_lock)
            bits[i].under += 1
            clear_bit(bits[i].bit_lock)
            return
        bits[i].bit += 1


def asserts_held() -> None:
    assert_held(bits[0].bit_lock)


CASES = [
    Case([calls, calls], full=(24, 24), merged=(4, 4), set_up=prepare),
    Case([returns_early, calls], full=(30, 35), merged=(8, 8), set_up=prepare),
    Case(
        [returns_early, returns_early, calls],
        full=(145, 216),
        merged=(38, 55),
        set_up=prepare,
        slow=True,
    ),
    Case([leaves_loop, calls], full=(74, 79), merged=(15, 15), set_up=prepare),
    Case([leaves_nested], full=(37, 36), merged=(8, 7), set_up=prepare),
    Case([leaves_nested, calls], full=(111, 110), merged=(21, 20), set_up=prepare, slow=True),
    Case([lock_by_index, lock_by_index], full=(24, 24), merged=(12, 12)),
    Case([lock_by_index, other_order], full=(27, 30), merged=(13, 14)),
    Case([reader, writer], full=(27, 26), merged=(5, 4)),
    Case([reader, reader, writer], full=(109, 160), merged=(11, 14)),
    Case([writer, lockless_reader, reads_title_as_reader], full=(71, 92), merged=(17, 18)),
    Case([writes_as_reader, reader], full=(18, 27), merged=(4, 4), faults=["data race"]),
    Case([through_paths, writer], full=(67, 107), merged=(6, 7), set_up=prepare),
    Case([wrong_object, calls], full=(21, 32), merged=(4, 4), set_up=prepare, faults=["data race"]),
    Case([without_lock, calls], full=(21, 32), merged=(4, 4), set_up=prepare, faults=["data race"]),
    Case(
        [reads_without_lock, calls],
        full=(14, 19),
        merged=(4, 4),
        set_up=prepare,
        faults=["data race"],
    ),
    Case(
        [writes_seen_without_lock, calls],
        full=(23, 35),
        merged=(7, 8),
        set_up=prepare,
        faults=["data race"],
    ),
    Case([reads_seen_with_and_without, calls], full=(49, 66), merged=(11, 12), set_up=prepare),
    Case(
        [reads_seen_with_and_without, reads_seen_with_and_without],
        full=(55, 88),
        merged=(16, 24),
        set_up=prepare,
    ),
    Case(
        [unlocked_path, frees, calls],
        full=(66, 107),
        merged=(16, 22),
        set_up=prepare,
        faults=["data race"],
    ),
    Case([peeks, peeks], full=(16, 16), merged=(4, 4), set_up=prepare),
    Case(
        [peeks, peeks_without], full=(10, 13), merged=(4, 4), set_up=prepare, faults=["data race"]
    ),
    Case([takes_twice, writer], full=(15, 14), merged=(6, 5), faults=["locking"]),
    Case([releases_twice, calls], full=(23, 29), merged=(4, 4), faults=["locking"]),
    Case([releases_others, calls], full=(14, 19), merged=(4, 4), faults=["locking"]),
    Case([ends_with_lock, calls], full=(11, 10), merged=(4, 3)),
    Case([reads_then_releases_write, writer], full=(13, 12), merged=(4, 3), faults=["locking"]),
    Case([takes_null, frees], full=(6, 7), merged=(6, 7), faults=["oops"]),
    Case([takes_null, calls], full=(37, 48), merged=(11, 12), set_up=prepare),
    Case([tries, tries], full=(99, 162), merged=(27, 36)),
    Case([tries, tries, tries], full=(2482, 5967), merged=(430, 891), slow=True),
    Case([asserts_held, tries], full=(12, 16), merged=(6, 7), faults=["VM_BUG_ON"]),
]
