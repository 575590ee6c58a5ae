"""One text for several kernels: has(), before(), changed(), asserting()."""

from mmspec.compiler.conventions import KernelView
from mmspec.kernels.change import Change
from mmspec.lang import (
    Struct,
    asserting,
    atomic,
    embedded,
    guarded,
    has,
    restates,
    static,
    u8,
    wait_until,
)
from mmspec.spec.machine.locks import SpinLock, spin_locked
from tests.models.case import Case, family

FAST = Change("a fast path")
SAFE = Change("take the lock")
OLD = Change("long ago")
TRIED = Change("somebody's own")
BETTER = Change("a later version of that")


class State(Struct):
    a: u8
    b: u8
    c: u8
    lock: SpinLock = embedded()
    safe: u8 = guarded("lock")


state: State = static(State)


def branches() -> None:
    """The change decides which variable is alive."""
    n = state.a
    if has(FAST):
        m = n + 1
        state.b = 1
        state.c = m
    else:
        state.b = 2
        state.c = n
    if has(SAFE) and not has(FAST):
        state.a = 3
    k = 4 if has(SAFE) else 5
    state.b = k


@restates("mm/rmap.c", at="v6.0")
def count(n: u8) -> u8:
    state.a += n
    return n + 1


@count.before(SAFE, at="v5.0")
def count_without_lock(n: u8) -> u8:
    state.b = n
    state.c = n
    return n + 2


@count.before(OLD, at="v4.0")
def count_of_old(n: u8) -> u8:
    return 9


def counts() -> None:
    n = count(1)
    state.c = n
    n = count(n) if has(FAST) else 4
    state.c = n


@restates("mm/rmap.c", at="v6.0")
@atomic
def take(n: u8) -> u8:
    wait_until(lambda: state.a == 0)
    state.a = n
    return n


@take.before(SAFE)
def take_anyway(n: u8) -> u8:
    state.a = n + 1
    return n + 1


@take.before(OLD)
def take_b(n: u8) -> u8:
    wait_until(lambda: state.b == 0)
    state.b = n
    return n


def takes() -> None:
    n = take(2)
    state.c = n
    state.a = 0
    state.b = 0


@restates("mm/rmap.c", at="v6.0")
@atomic
def drop(n: u8) -> u8:
    state.a -= n
    return n


@drop.before(SAFE)
def drop_unsafely(n: u8) -> u8:
    state.c = n
    return 0


@drop.changed(TRIED)
def drop_tried(n: u8) -> u8:
    wait_until(lambda: state.a > 0)
    state.a -= n
    return n + 1


@drop.changed(BETTER)
def drop_better(n: u8) -> u8:
    state.b += n
    return n + 2


def drops() -> None:
    state.a = 2
    n = drop(1)
    state.c = n


def locked() -> None:
    """A way out of `with` that only one kernel has."""
    with spin_locked(state.lock):
        if has(FAST):
            return
        if state.a == 1:
            return
        state.safe += 1
        if has(SAFE):
            return
    state.c += 1


def asserts() -> None:
    assert state.a == 0, "a"
    if asserting():
        state.b = 1
    assert state.b == 1
    state.c = 1


def asserts_in_call() -> None:
    n = checked(state.a)
    state.c = n


def checked(n: u8) -> u8:
    assert n == 0, "n"
    state.b += 1
    return n


@atomic
def check_atomically() -> u8:
    assert state.b == 0
    return state.a


def asserts_atomically() -> None:
    n = check_atomically()
    if asserting() or n:
        state.c = n + 1


def interferes() -> None:
    state.a += 1
    state.b += 1


FAMILY = family((FAST, SAFE, OLD), (SAFE, OLD), (FAST, OLD), (OLD,), (FAST,), ())
CHANGED = family((SAFE,), (), (SAFE, TRIED), (TRIED,), (SAFE, TRIED, BETTER), (BETTER,))
DEBUG = (
    KernelView(frozenset((FAST,)), asserts=True),
    KernelView(frozenset((FAST,)), asserts=False),
)
QUIET = (KernelView(frozenset(), asserts=False),)

CASES = [
    Case([branches, interferes], full=(55, 73), merged=(55, 73), kernels=FAMILY, kernel=0),
    Case([branches, interferes], full=(93, 118), merged=(93, 118), kernels=FAMILY, kernel=1),
    Case([branches, interferes], full=(55, 73), merged=(55, 73), kernels=FAMILY, kernel=2),
    Case([branches, interferes], full=(59, 77), merged=(59, 77), kernels=FAMILY, kernel=3),
    Case([counts, interferes], full=(75, 116), merged=(75, 116), kernels=FAMILY, kernel=0),
    Case([counts, interferes], full=(40, 62), merged=(40, 62), kernels=FAMILY, kernel=1),
    Case([counts, interferes], full=(56, 83), merged=(56, 83), kernels=FAMILY, kernel=2),
    Case([counts, interferes], full=(33, 50), merged=(33, 50), kernels=FAMILY, kernel=3),
    Case([counts, interferes], full=(15, 22), merged=(15, 22), kernels=FAMILY, kernel=4),
    Case([counts, interferes], full=(15, 22), merged=(15, 22), kernels=FAMILY, kernel=5),
    Case([takes, takes], full=(21, 28), merged=(21, 28), kernels=FAMILY, kernel=0),
    Case([takes, takes], full=(33, 52), merged=(33, 52), kernels=FAMILY, kernel=2),
    Case([takes, takes], full=(16, 16), merged=(16, 16), kernels=FAMILY, kernel=5),
    *(
        Case([drops, interferes], full=counts, merged=counts, kernels=CHANGED, kernel=k)
        for k, counts in enumerate(
            [(49, 70), (41, 60), (49, 70), (49, 70), (53, 72), (53, 72)],
        )
    ),
    Case([locked, locked], full=(8, 8), merged=(4, 4), kernels=FAMILY, kernel=0),
    Case([locked, locked], full=(20, 20), merged=(4, 4), kernels=FAMILY, kernel=1),
    Case([locked, locked], full=(8, 8), merged=(4, 4), kernels=FAMILY, kernel=2),
    Case([locked, locked], full=(51, 74), merged=(19, 26), kernels=FAMILY, kernel=3),
    Case(
        [asserts, interferes],
        full=(35, 49),
        merged=(35, 49),
        kernels=DEBUG,
        kernel=0,
        faults=["VM_BUG_ON"],
    ),
    Case([asserts, interferes], full=(10, 13), merged=(10, 13), kernels=DEBUG, kernel=1),
    Case(
        [asserts_in_call, interferes],
        full=(33, 47),
        merged=(33, 47),
        kernels=DEBUG,
        kernel=0,
        faults=["VM_BUG_ON"],
    ),
    Case([asserts_in_call, interferes], full=(47, 67), merged=(47, 67), kernels=DEBUG, kernel=1),
    Case(
        [asserts_atomically, interferes],
        full=(22, 29),
        merged=(22, 29),
        kernels=DEBUG,
        kernel=0,
        faults=["VM_BUG_ON"],
    ),
    Case([asserts_atomically, interferes], full=(16, 20), merged=(16, 20), kernels=DEBUG, kernel=1),
    Case([asserts, interferes], full=(10, 13), merged=(10, 13), kernels=QUIET),
    Case(
        [asserts_in_call, asserts_atomically, interferes],
        full=(163, 313),
        merged=(163, 313),
        kernels=QUIET,
    ),
]
