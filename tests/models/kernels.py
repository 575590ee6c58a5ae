"""One text for several kernels: has(), before(), asserting()."""

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
from mmspec.compiler.frontend import KernelView
from mmspec.spec.machine.locks import SpinLock, spin_locked
from tests.models.case import Case, family

FAST = Change("a fast path")
SAFE = Change("take the lock")
OLD = Change("long ago")


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


THREE = family((FAST, SAFE, OLD), (SAFE, OLD), (FAST, OLD), (OLD,), (FAST,), ())
DEBUG = (
    KernelView(frozenset((FAST,)), asserts=True),
    KernelView(frozenset((FAST,)), asserts=False),
)
QUIET = (KernelView(frozenset(), asserts=False),)

CASES = [
    *(Case([branches, interferes], kernels=THREE, kernel=k) for k in range(4)),
    *(Case([counts, interferes], kernels=THREE, kernel=k) for k in range(6)),
    *(Case([takes, takes], kernels=THREE, kernel=k) for k in (0, 2, 5)),
    *(Case([locked, locked], kernels=THREE, kernel=k) for k in range(4)),
    *(
        Case([asserts, interferes], kernels=DEBUG, kernel=k, faults=["VM_BUG_ON"][k:])
        for k in range(2)
    ),
    *(
        Case([asserts_in_call, interferes], kernels=DEBUG, kernel=k, faults=["VM_BUG_ON"][k:])
        for k in range(2)
    ),
    *(
        Case([asserts_atomically, interferes], kernels=DEBUG, kernel=k, faults=["VM_BUG_ON"][k:])
        for k in range(2)
    ),
    Case([asserts, interferes], kernels=QUIET),
    Case([asserts_in_call, asserts_atomically, interferes], kernels=QUIET),
]
