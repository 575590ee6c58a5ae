"""Declarations for the refused programs: each begins with `from ... import *`."""

# ruff: noqa: F401

import enum
from collections.abc import Callable

from mmspec.kernels.change import Change
from mmspec.lang import *  # noqa: F403
from mmspec.lang import (
    Array,
    OnStack,
    Struct,
    array,
    atomic,
    commuting,
    counter,
    embedded,
    guarded,
    i8,
    i64,
    immutable,
    initializer,
    param,
    pool,
    release,
    static,
    u8,
    u16,
    u64,
)
from mmspec.spec.machine.locks import RwSemaphore, SpinLock, spin_lock, spin_locked, spin_unlock

SIZE: int = param("vocabulary_size", 2)
FAST = Change("fast")
FLOAT = 1.5


class Color(enum.IntEnum):
    RED = 1


class Cell(Struct):
    n: u8


class Page(Struct):
    count: u8
    sign: i8
    big: u64
    deep: i64
    next: "Page"
    const: u8 = immutable()
    hits: u8 = counter()
    lock: SpinLock = embedded()
    safe: u8 = guarded("lock")
    row: Array[u8] = array(3)
    cells: Array[Cell] = array(2)


class Other(Struct):
    n: u8
    cell: Cell = embedded()


class Walk(OnStack):
    n: u8
    page: Page
    act: Callable[[Page], None]
    row: Array[u8] = array(2)


pages = pool(Page, 2)
page: Page = static(Page)
other: Other = static(Other)


def helper(n: u8) -> u8:
    page.count = n
    return n


def walk(w: Walk) -> u8:
    page.count = w.n
    return 1


@atomic
def peek() -> u8:
    return page.count


@atomic
def poke() -> bool:
    page.count = 1
    return True
