"""Loops, conditions, waiting and choosing."""

from mmspec.lang import (
    Array,
    Struct,
    array,
    atomic,
    choose,
    embedded,
    i8,
    param,
    pool,
    static,
    this_task,
    u8,
    u16,
    wait_until,
)
from mmspec.spec.machine.locks import SpinLock, spin_lock, spin_unlock
from tests.models.case import Case

ROUNDS: int = param("control_rounds", 2)
CPUS: int = param("control_cpus", 3)


class Board(Struct):
    a: u8
    b: u8
    c: u8
    sum: u16
    turn: u8
    flag: bool
    signed: i8
    seen: Array[u8] = array(4)
    lock: SpinLock = embedded()


class Cpu(Struct):
    ticks: u8
    lock: SpinLock = embedded()


board: Board = static(Board)
cpus = pool(Cpu, CPUS)


# -------------------------------------------------------------------------------- loops


def set_ones() -> None:
    board.a = 1
    board.b = 1


def counts() -> None:
    for i in range(3):
        board.sum += i
    for i in range(1, 3):
        board.sum += i
    for i in range(ROUNDS):
        board.b += 1


def steps() -> None:
    for i in range(0, 7, 3):
        board.sum += i
    for i in range(2, -1, -1):
        board.seen[i] = i + 1
    for i in range(5, 0, -2):
        board.sum += i


def empty_loops() -> None:
    for i in range(0):
        board.sum += i + 100
    for i in range(3, 3):
        board.sum += i + 100
    for i in range(2, 5, -1):
        board.sum += i + 100
    board.a = 9


def large_steps() -> None:
    """The counter passes the bound by more than its narrowest type can hold."""
    for i in range(0, 250, 100):
        board.sum += i


def large_steps_down() -> None:
    for i in range(200, 10, -90):
        board.a = i


def to_the_top() -> None:
    for i in range(253, 256):
        board.a = i


def to_zero() -> None:
    for i in range(3, 0, -2):
        board.b = i


def computed_bounds() -> None:
    n = board.b
    for i in range(n + 1):
        board.c = i
    for i in range(n, n + 2):
        for k in range(i):
            board.sum += k


def whiles() -> None:
    n = 3
    while n > 0:
        n -= 1
        if n == 2:
            continue
        board.sum += n
        if n == 1:
            break
    while board.a < 2:
        board.a += 1
    board.c = n


def forever() -> None:
    while True:
        board.a += 1
        if board.a >= 2:
            break
    while True:
        if board.b:
            return
        board.b = 1


def nested() -> None:
    for i in range(3):
        if i == 1:
            continue
        k = 0
        while True:
            k += 1
            if k == 2:
                continue
            board.sum += i * k
            if k > 2:
                break
        for m in range(2):
            if m == i:
                break
            board.c = m
    for _ in range(2):
        pass


def spinning() -> None:
    """A loop without an end of its own: it waits for the other."""
    while board.turn == 0:
        pass
    board.a = board.turn


def turns() -> None:
    board.turn = 1
    board.turn = 2


# -------------------------------------------------------------------------------- waiting


def waits() -> None:
    wait_until(lambda: board.turn == 1)
    board.a += 1
    wait_until(lambda: board.turn == 2 and not board.flag)
    board.b += 1


def waits_for_ever() -> None:
    board.flag = True
    wait_until(lambda: board.a == 200)
    board.c = 1


def waits_in_condition(n: u8) -> None:
    wait_until(lambda: board.seen[n] > 0 or (board.a if n == 0 else board.b) == 3)
    board.c = n


def waits_with_locals() -> None:
    n = board.a
    waits_in_condition(n)


def lets_go() -> None:
    board.seen[0] = 1
    board.seen[0] = 0
    board.a = 3


@atomic
def take(n: u8) -> u8:
    wait_until(lambda: board.seen[n] == 0 and busy() < 2)
    board.seen[n] = 1
    return board.seen[0] + board.seen[1]


@atomic
def give(n: u8) -> None:
    board.seen[n] = 0


def busy() -> u8:
    """Called by a condition, with a loop in it."""
    total = 0
    for i in range(3):
        if board.seen[i]:
            total += 1
    return total


def takes() -> None:
    n = take(0)
    board.a = n
    n = take(1)
    give(0)
    board.b = n


def takes_other() -> None:
    take(2)
    board.c = 1
    give(2)


def waits_on_index() -> None:
    n = board.a
    wait_until(lambda: board.seen[n] == 0)
    board.c = 1


# -------------------------------------------------------------------------------- choosing


def chooses() -> None:
    n = choose(3)
    if n == 0:
        board.a = 1
    elif n == 1:
        board.b = choose(2)
    else:
        return
    board.c += n


def chooses_first() -> None:
    """The first thing done: merged, it is part of the first step."""
    if choose(2):
        board.a = choose(2) + 1


def chooses_once() -> None:
    board.a = choose(1) + 5


def chooses_under_lock() -> None:
    spin_lock(board.lock)
    n = choose(2)
    board.a = n
    spin_unlock(board.lock)


def chooses_a_bug() -> None:
    n = choose(3)
    assert n != 1, "one alternative of three fails"
    board.a = n


@atomic
def pick(n: u8) -> u8:
    k = choose(n)
    board.seen[k] += 1
    return k


@atomic
def pick_if_any() -> bool:
    if board.a == 0:
        return False
    board.b = choose(board.a)
    return True


@atomic
def wait_and_pick() -> u8:
    wait_until(lambda: board.a > 0)
    return choose(board.a)


def picks() -> None:
    k = pick(2)
    board.a = k + 1
    if pick_if_any():
        board.c += 1


def picks_after_wait() -> None:
    k = wait_and_pick()
    board.c = k
    if pick_if_any():
        board.b = 7


def picks_nothing() -> None:
    pick(board.flag)


@atomic
def pick_by_proxy() -> u8:
    return pick(2)


def picks_by_proxy() -> None:
    board.b = 1
    k = pick_by_proxy()
    board.c = k


def sets_flag() -> None:
    board.flag = True


# -------------------------------------------------------------------------------- tasks


def ticks() -> None:
    cpu = cpus[this_task()]
    cpu.ticks += 1
    spin_lock(cpu.lock)
    cpus[(this_task() + 1) % CPUS].ticks += 1
    spin_unlock(cpu.lock)


@atomic
def tick(n: u8) -> u8:
    cpus[this_task()].ticks += n
    return this_task()


def ticks_atomically() -> None:
    n = tick(2)
    board.a = n


def idle() -> None:
    pass


CASES = [
    Case([counts]),
    Case([counts], sizes={"control_rounds": 4}),
    Case([counts, turns]),
    Case([steps]),
    Case([empty_loops, turns]),
    Case([large_steps]),
    Case([large_steps_down]),
    Case([to_the_top]),
    Case([to_zero]),
    Case([computed_bounds], set_up=set_ones),
    Case([computed_bounds, turns]),
    Case([whiles, turns]),
    Case([forever, turns]),
    Case([nested]),
    Case([spinning, turns]),
    Case([waits, turns]),
    Case([waits, turns, sets_flag]),
    Case([waits_for_ever, turns]),
    Case([waits_with_locals, lets_go]),
    Case([waits_with_locals, lets_go], set_up=set_ones, note="ones"),
    Case([takes, takes_other]),
    Case([takes, takes_other, takes_other]),
    Case([waits_on_index, waits_for_ever]),
    Case([waits_on_index, lets_go]),
    Case([chooses, turns]),
    Case([chooses_first, turns]),
    Case([chooses_once, chooses_first]),
    Case([chooses_under_lock, chooses_under_lock]),
    Case([chooses_a_bug, sets_flag], faults=["VM_BUG_ON"]),
    Case([picks, sets_flag]),
    Case([picks_after_wait, set_ones]),
    Case([picks_nothing, sets_flag], faults=["choice"]),
    Case([picks_by_proxy, sets_flag]),
    Case([ticks, ticks, ticks]),
    Case([ticks, ticks], sizes={"control_cpus": 2}),
    Case([ticks_atomically, ticks_atomically, idle]),
    Case([idle, idle]),
]
