"""Structs in structs, arrays of everything, pointers, NULL, and the ways to get lost."""

from mmspec.lang import (
    NULL,
    Array,
    Struct,
    array,
    atomic,
    embedded,
    i16,
    index_of,
    owner_of,
    pointers,
    pool,
    static,
    u8,
    u16,
)
from tests.models.case import Case


class Lock(Struct):
    taken: u8
    depth: i16


class Inner(Struct):
    value: u8
    lock: Lock = embedded()


class Page(Struct):
    flags: u16
    count: u8
    inner: Inner = embedded()
    inners: Array[Inner] = array(2)
    numbers: Array[i16] = array(3)
    next: "Page"
    others: "Array[Page]" = pointers(2)
    lock: Lock = embedded()


class Root(Struct):
    first: Page
    extra: Page = embedded()
    tail: Inner = embedded()
    n: u8
    k: u8
    m: i16


pages = pool(Page, 3)
root: Root = static(Root)
second: Root = static(Root)


def link() -> None:
    """A list of three pages; each knows the other two."""
    root.first = pages[0]
    for i in range(2):
        pages[i].next = pages[i + 1]
    pages[0].others[0] = pages[1]
    pages[0].others[1] = pages[2]
    pages[2].inners[1].lock.depth = -5


def walk() -> None:
    page = root.first
    while page is not None:
        page.count += 1
        page = page.next


def embed() -> None:
    """Every place of an embedded struct is another one."""
    pages[0].inner.value = 1
    pages[1].inner.lock.depth = -2
    root.extra.inner.value = 3
    root.extra.inners[1].value = 4
    root.tail.value = 5
    second.tail.lock.taken = 6
    second.extra.lock.depth = -7
    second.extra.numbers[2] = 8
    if pages[1].inner.lock.depth == -2 and root.extra.inners[1].value == 4:
        root.n = 1


def embed_by_index() -> None:
    for i in range(3):
        for k in range(2):
            pages[i].inners[k].lock.taken = i + k
    root.n = pages[2].inners[1].lock.taken


@atomic
def sum_numbers(page: Page) -> i16:
    total = 0
    for i in range(3):
        total += page.numbers[i]
    return total


def numbers() -> None:
    page = root.first
    page.numbers[0] = -300
    page.numbers[root.k + 1] = 100
    page.numbers[2] += -1
    total = sum_numbers(page)
    root.m = total


def pointers_in_arrays() -> None:
    page = root.first
    other = page.others[1]
    page.others[0] = other
    page.others[root.k] = NULL
    if page.others[0] is page.others[1]:
        root.n = 1
    if page.others[0] is None:
        root.n += 2


def take_lock(lock: Lock) -> u8:
    lock.taken += 1
    return lock.taken


def pass_embedded() -> None:
    page = pages[1]
    seen = take_lock(page.inner.lock)
    seen = take_lock(page.lock)
    root.n = seen
    seen = take_lock(root.extra.inners[0].lock)


def arithmetic() -> None:
    page = pages[0]
    page = page + 1
    page.count = 3
    k = root.k
    (page + k).count = 5
    (page + 1).flags = 256
    back = page + -1
    back.count = 7


def arithmetic_outside() -> None:
    page = pages[0] + 4
    page = page + root.n
    page.count = 1


def owner() -> None:
    """container_of, up from a struct in an array of a struct in a pool."""
    box = boxes[1]
    cell = box.cells[2]
    home = owner_of(cell)
    home.n = index_of(cell)
    owner_of(home.cells[1]).k = index_of(home)
    if owner_of(cell) is box:
        box.n += 1


def owner_argument(cell: "Cell") -> u8:
    return owner_of(cell, Box).n


def owner_through_call() -> None:
    k = root.k
    n = owner_argument(boxes[k].cells[k + 1])
    root.n = n


class Cell(Struct):
    word: u8


class Box(Struct):
    n: u8
    k: u8
    cells: Array[Cell] = array(3)


boxes = pool(Box, 2)


def fill_boxes() -> None:
    for i in range(2):
        boxes[i].n = 10 + i


def unlink() -> None:
    root.first = NULL


def unlink_next() -> None:
    pages[0].next = NULL
    root.n = 1


def follow() -> None:
    root.first.count = 1


def follow_twice() -> None:
    root.first.next.next.count += 1


def follow_embedded() -> None:
    page = root.first
    page.inner.lock.taken = 1


def follow_in_condition() -> None:
    page = root.first
    if page is not None and page.next.count == 0:
        root.k = 1
    if page is None or page.count:
        root.k = 2


def reach_out() -> None:
    pages[root.n].count = 1
    pages[root.n + 1].count = 1
    pages[root.n + 2].count = 1


def reach_out_of_array() -> None:
    page = pages[1]
    page.numbers[root.n + 2] = 1


def reach_out_below() -> None:
    page = pages[1]
    page.numbers[root.m - 1] = 1


def index_of_null() -> None:
    root.k = index_of(maybe.box)
    boxes[0].n = 1


def owner_of_null() -> None:
    cell = maybe.cell
    home = owner_of(cell)
    home.n = 1
    boxes[0].n = 1


def add_to_null() -> None:
    page = root.first
    page = page + 1
    page.count = 1


class Maybe(Struct):
    cell: Cell
    box: Box


maybe: Maybe = static(Maybe)


def find_cell() -> None:
    maybe.cell = boxes[1].cells[0]
    maybe.box = boxes[1]


def one_up() -> None:
    root.n += 1


def early_check() -> None:
    """A pointer tested on one path only is tested again on the others."""
    page = root.first
    if root.n:
        page.count = 1
    root.k = 1
    page.flags = 2


def retry() -> None:
    page = root.first
    for _ in range(2):
        if page is None:
            page = root.first
            continue
        page.count += 1
        page = page.next
    if page is not None:
        page.flags = 9


CASES = [
    Case([walk], set_up=link),
    Case([walk, unlink_next], set_up=link),
    Case([embed, unlink]),
    Case([embed_by_index]),
    Case([numbers, numbers], set_up=link, slow=True),
    Case([numbers, unlink], set_up=link, faults=["oops"]),
    Case([pointers_in_arrays, unlink], set_up=link, faults=["oops"]),
    Case([pass_embedded, one_up]),
    Case([arithmetic, one_up]),
    Case([arithmetic_outside, one_up], faults=["oops"]),
    Case([owner, one_up]),
    Case([owner_through_call, one_up], set_up=fill_boxes),
    Case([follow, unlink], set_up=link, faults=["oops"]),
    Case([follow_twice, unlink_next, unlink], set_up=link, faults=["oops"]),
    Case([follow_embedded, unlink], set_up=link, faults=["oops"]),
    Case([follow_in_condition, unlink, unlink_next], set_up=link, faults=["oops"]),
    Case([reach_out, one_up], faults=["oops"]),
    Case([reach_out_of_array, one_up], faults=["oops"]),
    Case([reach_out_below, one_up], faults=["oops"]),
    Case([index_of_null], faults=["oops"]),
    Case([index_of_null], set_up=find_cell),
    Case([owner_of_null], faults=["oops"]),
    Case([owner_of_null], set_up=find_cell),
    Case([add_to_null, unlink], set_up=link, faults=["oops"]),
    Case([early_check, one_up], faults=["oops"]),
    Case([retry, unlink], set_up=link),
]
