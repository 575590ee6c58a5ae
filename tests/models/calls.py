"""Calls: locals that live across them, many callers, depth, results, pointers to functions."""

from collections.abc import Callable

from mmspec.lang import Array, OnStack, Struct, array, atomic, i16, pool, static, u8, u16
from tests.models.case import Case


class Page(Struct):
    count: u8
    index: u8


class Store(Struct):
    a: u8
    b: u8
    c: u8
    n: u16
    log: Array[u8] = array(3)


pages = pool(Page, 3)
store: Store = static(Store)


def set_ones() -> None:
    store.a = 1
    store.b = 1


# -------------------------------------------------------------------------------- plain calls


def add_one(n: u8) -> u8:
    store.a += 1
    return n + store.a


def get_page(i: u8) -> Page:
    page = pages[i]
    page.count += 1
    return page


def nothing() -> None:
    pass


def double(n: u8) -> u16:
    return n * 2


def live_across() -> None:
    x = store.b
    y = 3
    page = pages[1]
    z = add_one(x)
    store.c = x + y
    page.count = z


def several_calls() -> None:
    x = add_one(1)
    y = add_one(x)
    nothing()
    z = add_one(2)
    store.n = x + y + z


def in_expression() -> None:
    """Values read before a call in the same expression are kept across it."""
    store.n = store.b + add_one(1) + store.a


def call_in_condition() -> None:
    if add_one(0) == 1 and add_one(1) > 2:
        store.c = 1
    elif not add_one(2):
        store.c = 2
    while add_one(0) < 4:
        store.b += 1


def call_in_index() -> None:
    store.log[add_one(0) - 1] = add_one(1)
    get_page(1).count += 2
    get_page(add_one(0) % 3).index = 4


def third(n: u8) -> u8:
    store.c = n
    return n + 1


def second(n: u8, m: u8) -> u8:
    k = third(n)
    store.b = m
    return third(k) + m


def first(n: u8) -> u8:
    k = n + 1
    m = second(n, k)
    if m == 4:
        return k
    m += second(k, m)
    return m


def deep() -> None:
    store.n = first(1)
    n = first(0)
    store.n = n


def early(n: u8) -> u8:
    if n == 0:
        return 7
    store.c = n
    if store.b:
        return 8
    for i in range(3):
        store.a = i
        if i == n:
            return i
    while True:
        if store.a == 2:
            return 9
        store.a = 2


def returns_early() -> None:
    for i in range(3):
        n = early(i)
        store.log[i] = n


def no_result(n: u8) -> None:
    if n == 0:
        store.a = 5
        return
    store.b = 5


def which_call() -> None:
    """Afterwards nothing tells which of two calls it was."""
    if store.a:
        no_result(1)
    else:
        no_result(1)
    store.c = 1


def ignores_result() -> None:
    add_one(3)
    no_result(0)
    no_result(1)
    double(4)


def result_across(n: u8) -> Page:
    page = pages[n]
    store.a = n
    return page


def returns_pointers() -> None:
    page = result_across(2)
    other = result_across(1)
    page.count = index_or(other, 3)
    if result_across(1) is other:
        store.c = 1


def index_or(page: Page, n: u8) -> u8:
    return page.index + n if page is not None else n


def changes_parameter(n: u8) -> u8:
    n += 1
    store.a = n
    n = n * 2
    return n


def parameters() -> None:
    n = 3
    m = changes_parameter(n)
    store.n = n * 10 + m


def overflows(n: u8) -> u8:
    store.b = 1
    return n


def argument_overflow() -> None:
    n = store.a + 255
    store.c = overflows(n)


def result_overflow() -> None:
    n = too_large(store.a)
    store.n = n


def too_large(n: u8) -> u8:
    store.b = 1
    return n + 255


def local_overflow() -> None:
    n: u8 = store.a + 254
    n += 1
    store.b = 1
    n = n + store.a
    store.n = n


@atomic
def small(n: u8) -> u8:
    store.c = n
    return n


@atomic
def exchange(n: u8) -> u8:
    """Old values outlive what is written over them."""
    old = store.a
    other = store.log[n % 3]
    store.a = n
    store.log[n % 3] = old
    return old + other


def exchanges() -> None:
    n = exchange(3)
    store.n = n
    n = exchange(1)
    store.c = n


def atomic_argument_overflow() -> None:
    store.b = 1
    n = store.a + 255
    small(n)


def interferes() -> None:
    store.a += 1
    store.b = 0


# -------------------------------------------------------------------------------- structs


class Walk(OnStack):
    page: Page
    i: u8
    n: i16
    done: bool
    found: Array[u8] = array(2)


def walk(w: Walk) -> bool:
    """A walk as the kernel writes it: the state is the caller's."""
    while w.i < 3:
        w.page = pages[w.i]
        w.i += 1
        if w.page.count == 0:
            continue
        w.n -= 1
        w.found[w.i % 2] += w.page.count
        return True
    w.done = True
    return False


def fill_pages() -> None:
    pages[0].count = 1
    pages[2].count = 2


def walks() -> None:
    w = Walk(n=-1, i=0)
    while walk(w):
        w.page.index = w.i
    if w.done:
        store.n = w.found[0]
    store.a = 1


def pass_down(w: Walk, n: u8) -> u8:
    w.i = n
    w.found[1] = n + 1
    store.c = n
    return fill(w, n) + w.i


def fill(w: Walk, n: u8) -> u8:
    w.page = pages[n]
    store.b = w.found[1]
    w.i += 1
    return w.i


def passes_down() -> None:
    w = Walk(page=pages[2], done=True)
    n = pass_down(w, 1)
    w.page.count = n
    store.a = w.found[0] + w.found[1]


def two_structs() -> None:
    v = Walk(i=1)
    w = Walk(i=2, n=-5)
    n = pass_down(v, 1)
    m = pass_down(w, 2)
    store.n = n * 16 + m
    store.c = v.i + w.i + v.found[1]
    if w.n == -5:
        store.log[0] = 1


def made_in_loop() -> None:
    for i in range(2):
        w = Walk(i=i)
        w.found[i] = 4
        n = pass_down(w, i)
        store.log[i] = n + w.found[1 - i]


def null_struct(w: Walk) -> u8:
    if w is None:
        return 3
    store.b = 1
    return w.i


def maybe_struct() -> None:
    w = Walk(i=4)
    store.a = null_struct(w)
    n = null_struct(None)
    store.a = n


def wild(w: Walk) -> None:
    store.b = 1
    w.i = 1


def null_walk() -> None:
    wild(None)


def stack_overflow() -> None:
    w = Walk(i=250)
    store.b = 1
    w.i += store.a + 5


def stack_index() -> None:
    w = Walk(i=1)
    k = store.a
    w.found[k] = 1
    store.b = w.found[k]


def held_field() -> None:
    """The field is read before the callee changes it."""
    w = Walk(i=1)
    before = w.i
    n = pass_down(w, 2)
    store.n = before * 16 + n


# -------------------------------------------------------------------------------- pointers


class Control(OnStack):
    act: Callable[[Page, u8], u8]
    done: Callable[[], bool]
    n: u8


def count_page(page: Page, n: u8) -> u8:
    page.count += n
    return page.count


def index_page(page: Page, n: u8) -> u8:
    page.index = n
    store.c = n
    return 0


@atomic
def atomic_page(page: Page, n: u8) -> u8:
    page.count = n
    page.index = n
    return n


def is_done() -> bool:
    return store.a > 0


def for_pages(control: Control) -> None:
    for i in range(2):
        control.n = control.act(pages[i], i + 1)
        if control.done is not None and control.done():
            break


def pointers() -> None:
    control = Control(act=count_page)
    for_pages(control)
    store.n = control.n
    control.act = index_page
    control.done = is_done
    for_pages(control)


def chosen_pointer() -> None:
    control = Control(act=count_page if store.a else atomic_page)
    for_pages(control)
    act = control.act
    n = act(pages[2], 3)
    store.n = n


def null_pointer() -> None:
    control = Control()
    store.b = 1
    for_pages(control)


CASES = [
    Case([live_across, interferes], full=(48, 72), merged=(48, 72)),
    Case([several_calls, interferes], full=(154, 226), merged=(154, 226)),
    Case([in_expression, interferes], full=(52, 76), merged=(52, 76)),
    Case([call_in_condition], full=(16, 15), merged=(16, 15)),
    Case([call_in_index], full=(18, 17), merged=(18, 17)),
    Case([deep], full=(15, 14), merged=(15, 14)),
    Case([deep, interferes], full=(73, 113), merged=(73, 113), slow=True),
    Case([returns_early, interferes], full=(86, 137), merged=(86, 137)),
    Case([which_call, interferes], full=(20, 28), merged=(20, 28)),
    Case([ignores_result, interferes], full=(52, 69), merged=(52, 69)),
    Case([returns_pointers, interferes], full=(63, 97), merged=(63, 97)),
    Case([parameters, interferes], full=(22, 28), merged=(22, 28)),
    Case([argument_overflow, interferes], full=(20, 26), merged=(20, 26), faults=["overflow"]),
    Case([result_overflow, interferes], full=(23, 29), merged=(23, 29), faults=["overflow"]),
    Case([local_overflow, interferes], full=(26, 34), merged=(26, 34), faults=["overflow"]),
    Case(
        [atomic_argument_overflow, interferes], full=(20, 26), merged=(20, 26), faults=["overflow"]
    ),
    Case([exchanges, interferes], full=(48, 66), merged=(48, 66), set_up=set_ones),
    Case([walks], full=(10, 9), merged=(10, 9), set_up=fill_pages),
    Case([walks, interferes], full=(43, 68), merged=(43, 68), set_up=fill_pages),
    Case([passes_down, interferes], full=(28, 36), merged=(28, 36)),
    Case([two_structs], full=(8, 7), merged=(8, 7)),
    Case([two_structs, interferes], full=(38, 57), merged=(38, 57), slow=True),
    Case([made_in_loop, interferes], full=(33, 49), merged=(33, 49)),
    Case([maybe_struct], full=(4, 3), merged=(4, 3)),
    Case([null_walk, interferes], full=(9, 10), merged=(9, 10), faults=["oops"]),
    Case([stack_overflow, interferes], full=(16, 19), merged=(16, 19), faults=["overflow"]),
    Case([stack_index, interferes], full=(15, 20), merged=(15, 20)),
    Case(
        [stack_index, interferes, interferes], full=(108, 210), merged=(108, 210), faults=["oops"]
    ),
    Case([held_field, interferes], full=(18, 25), merged=(18, 25)),
    Case([pointers, interferes], full=(58, 95), merged=(58, 95)),
    Case([chosen_pointer, interferes], full=(46, 69), merged=(46, 69)),
    Case([null_pointer, interferes], full=(9, 10), merged=(9, 10), faults=["oops"]),
]
