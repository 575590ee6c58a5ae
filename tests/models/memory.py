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
    if page.numbers[root.k + 1] == 100:
        root.n = 9


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


def reassigns() -> None:
    """What was known of a pointer is not known of its next value."""
    page = root.first
    page.count = 1
    page = page.next
    page.count = 2


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
    Case([walk], full=(11, 10), merged=(11, 10), set_up=link),
    Case([walk, unlink_next], full=(35, 53), merged=(35, 53), set_up=link),
    Case([embed, unlink], full=(24, 34), merged=(24, 34)),
    Case([embed_by_index], full=(9, 8), merged=(9, 8)),
    Case([numbers, numbers], full=(236, 420), merged=(236, 420), set_up=link, slow=True),
    Case([numbers, unlink], full=(25, 34), merged=(25, 34), set_up=link, faults=["oops"]),
    Case(
        [pointers_in_arrays, unlink], full=(23, 31), merged=(23, 31), set_up=link, faults=["oops"]
    ),
    Case([pass_embedded, one_up], full=(41, 62), merged=(41, 62)),
    Case([arithmetic, one_up], full=(18, 27), merged=(18, 27)),
    Case([arithmetic_outside, one_up], full=None, merged=(6, 7), faults=["oops"]),
    Case([owner, one_up], full=(15, 22), merged=(15, 22)),
    Case([owner_through_call, one_up], full=(15, 18), merged=(15, 18), set_up=fill_boxes),
    Case([follow, unlink], full=(7, 7), merged=(7, 7), set_up=link, faults=["oops"]),
    Case(
        [follow_twice, unlink_next, unlink],
        full=(41, 77),
        merged=(41, 77),
        set_up=link,
        faults=["oops"],
    ),
    Case([follow_embedded, unlink], full=(7, 7), merged=(7, 7), set_up=link, faults=["oops"]),
    Case(
        [follow_in_condition, unlink, unlink_next],
        full=(46, 83),
        merged=(46, 83),
        set_up=link,
        faults=["oops"],
    ),
    Case([reach_out, one_up], full=(30, 38), merged=(30, 38), faults=["oops"]),
    Case([reach_out_of_array, one_up], full=(10, 12), merged=(10, 12), faults=["oops"]),
    Case([reach_out_below, one_up], full=(6, 7), merged=(6, 7), faults=["oops"]),
    Case([index_of_null], full=(2, 1), merged=(2, 1), faults=["oops"]),
    Case([index_of_null], full=(4, 3), merged=(4, 3), set_up=find_cell, note="found"),
    Case([owner_of_null], full=(2, 1), merged=(2, 1), faults=["oops"]),
    Case([owner_of_null], full=(4, 3), merged=(4, 3), set_up=find_cell, note="found"),
    Case([add_to_null, unlink], full=(7, 7), merged=(7, 7), set_up=link, faults=["oops"]),
    Case([early_check, one_up], full=(13, 17), merged=(13, 17), faults=["oops"]),
    Case([reassigns, unlink_next], full=(17, 23), merged=(17, 23), set_up=link, faults=["oops"]),
    Case([retry, unlink], full=(21, 27), merged=(21, 27), set_up=link),
]
