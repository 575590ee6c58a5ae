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
    for _ in range(ROUNDS):
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


def chooses_and_picks() -> None:
    """Two choices in a row are two steps."""
    k = choose(2)
    n = wait_and_pick()
    board.c = k + n


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
    Case([counts], full=(15, 14), merged=(15, 14)),
    Case([counts], full=(19, 18), merged=(19, 18), sizes={"control_rounds": 4}),
    Case([counts, turns], full=(45, 72), merged=(45, 72)),
    Case([steps], full=(16, 15), merged=(16, 15)),
    Case([empty_loops, turns], full=(6, 7), merged=(6, 7)),
    Case([large_steps], full=(7, 6), merged=(7, 6)),
    Case([large_steps_down], full=(4, 3), merged=(4, 3)),
    Case([to_the_top], full=(4, 3), merged=(4, 3)),
    Case([to_zero], full=(3, 2), merged=(3, 2)),
    Case([computed_bounds], full=(10, 9), merged=(10, 9), set_up=set_ones),
    Case([computed_bounds, turns], full=(15, 22), merged=(15, 22)),
    Case([whiles, turns], full=(33, 52), merged=(33, 52)),
    Case([forever, turns], full=(30, 47), merged=(30, 47)),
    Case([nested], full=(11, 10), merged=(11, 10)),
    Case([spinning, turns], full=(11, 13), merged=(14, 18)),
    Case([waits, turns], full=(12, 13), merged=(12, 13)),
    Case([waits, turns, sets_flag], full=(24, 37), merged=(24, 37)),
    Case([waits_for_ever, turns], full=(6, 7), merged=(6, 7)),
    Case([waits_with_locals, lets_go], full=(15, 19), merged=(15, 19)),
    Case([waits_with_locals, lets_go], full=(9, 10), merged=(9, 10), set_up=set_ones, note="ones"),
    Case([takes, takes_other], full=(22, 31), merged=(22, 31)),
    Case([takes, takes_other, takes_other], full=(64, 104), merged=(64, 104)),
    Case([waits_on_index, waits_for_ever], full=(8, 10), merged=(8, 10)),
    Case([waits_on_index, lets_go], full=(17, 24), merged=(17, 24)),
    Case([chooses, turns], full=(45, 72), merged=(36, 57)),
    Case([chooses_first, turns], full=(21, 32), merged=(15, 22)),
    Case([chooses_once, chooses_first], full=(21, 32), merged=(10, 13)),
    Case([chooses_under_lock, chooses_under_lock], full=(33, 38), merged=(13, 18)),
    Case([chooses_a_bug, sets_flag], full=(12, 16), merged=(8, 10), faults=["VM_BUG_ON"]),
    Case([picks, sets_flag], full=(28, 40), merged=(28, 40)),
    Case([picks_after_wait, set_ones], full=(13, 15), merged=(13, 15)),
    Case([chooses_and_picks, set_ones], full=(17, 24), merged=(17, 24)),
    Case([picks_nothing, sets_flag], full=(8, 8), merged=(8, 8), faults=["choice"]),
    Case([picks_by_proxy, sets_flag], full=(12, 16), merged=(12, 16)),
    Case([ticks, ticks, ticks], full=(853, 2040), merged=(272, 573), slow=True),
    Case([ticks, ticks], full=(83, 134), merged=(39, 56), sizes={"control_cpus": 2}),
    Case([ticks_atomically, ticks_atomically, idle], full=(10, 12), merged=(20, 34)),
    Case([idle, idle], full=(1, 0), merged=(4, 4)),
]
