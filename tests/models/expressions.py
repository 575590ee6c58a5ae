"""Expressions: order of evaluation, conditions as values, targets of augmented assignment."""

from mmspec.lang import (
    NULL,
    Array,
    OnStack,
    Struct,
    array,
    atomic,
    i16,
    pointers,
    pool,
    static,
    u8,
    u16,
)
from tests.models.case import Case


class Node(Struct):
    value: u8
    next: "Node"


class Desk(Struct):
    a: u8
    b: u8
    c: u8
    n: u16
    s: i16
    yes: bool
    node: Node
    row: Array[u8] = array(3)
    nodes: "Array[Node]" = pointers(2)


class Local(OnStack):
    n: u8
    m: i16
    node: Node
    row: Array[u8] = array(2)


nodes = pool(Node, 3)
desk: Desk = static(Desk)


def link() -> None:
    desk.node = nodes[0]
    nodes[0].next = nodes[1]
    nodes[0].value = 1
    desk.nodes[1] = nodes[2]
    desk.b = 2


def interferes() -> None:
    desk.a += 1
    desk.b = 0


def moves() -> None:
    desk.node = nodes[1]
    desk.row[0] = 1


def unlinks() -> None:
    desk.node = NULL


# -------------------------------------------------------------------------------- order


def reads_in_order() -> None:
    desk.n = desk.a + desk.b * 2 + desk.a
    desk.row[desk.a % 3] = desk.b + desk.row[desk.b % 3]


def value_before_target() -> None:
    """The right side is evaluated first, then the object, then the index, then the store."""
    desk.node.value = desk.a + 1
    desk.node.next.value = desk.b


def comparison_order() -> None:
    if desk.a < desk.b:
        desk.c = 1
    if (desk.b > desk.a and desk.a != 0) or desk.b == 0:
        desk.c += 2


# -------------------------------------------------------------------------------- conditions


def conditional() -> None:
    n = desk.a if desk.b else 7
    desk.c = n
    k = desk.b if n == 7 else n
    desk.c = k
    node = desk.node if desk.a else NULL
    if node is not None:
        node.value = 3
    other = NULL if node is None else node.next
    desk.node = other


def conditional_nested() -> None:
    n = desk.a
    m = 1 if n == 0 else 2 if n == 1 else 3
    desk.c = m
    k = (desk.a if n else desk.b) + (5 if m > 1 else 6)
    desk.n = k


def chained() -> None:
    n = desk.a
    if 0 <= n < 2:
        desk.c = 1
    if 0 < n <= desk.b:
        desk.c = 2
    if desk.a < 1 < desk.b:
        desk.c = 3
    if not 1 <= n <= 1:
        desk.c = 4


def chained_pointer() -> None:
    """The pointer is followed only if the first comparison holds."""
    n = desk.a
    node = desk.node
    if 0 < n < node.value + 5:
        desk.c = 1
    else:
        desk.c = node.value


def short_circuit() -> None:
    node = desk.node
    if node is not None and node.value == 1 and (node.next is not None or desk.b):
        desk.c = 1
    if node is None or node.value == 0 or not node.next:
        desk.c += 2
    if not (node and desk.a):
        desk.c += 4


def guarded_by_or() -> None:
    """What `or` and `and` tell about a pointer does not hold on the other way."""
    node = desk.node
    if desk.a or node.value:
        desk.c = 1
    node.value = 4


def memberships() -> None:
    n = desk.a
    if n in (0, 2):
        desk.c = 1
    if desk.b not in (1, 3):
        desk.c += 2
    inside = n in (1, 2)
    desk.yes = inside


def booleans() -> None:
    p = desk.a == 0
    q = desk.b > 1 and not p
    r = p or q
    desk.yes = r
    s = (desk.a > 0) == q
    t = bool(desk.b)
    if (s and not t) or p:
        desk.c = 1
    n = desk.a
    u = not desk.node
    desk.yes = u
    v = 0 < n < 3
    desk.yes = v
    desk.yes = True
    x = q and desk.yes
    if x:
        desk.c = int(r) + int(t)


def is_big(n: u8) -> bool:
    return n > 1


def calls_in_conditions() -> None:
    if is_big(desk.b) or is_big(desk.a):
        desk.c = 1
    big = is_big(3) and is_big(desk.a)
    desk.yes = big


# -------------------------------------------------------------------------------- augmented


def augmented() -> None:
    desk.a += 1
    desk.row[1] += desk.a
    desk.node.value += 2
    desk.nodes[1].value += 3
    desk.node.next.value |= 4
    desk.row[desk.a % 3] += 1
    desk.n <<= 1
    desk.s -= 5
    desk.s *= desk.s


def augmented_locals() -> None:
    n = desk.a
    n += 1
    n -= 1
    n |= 2
    n &= 7
    n ^= 1
    n <<= 1
    n >>= 1
    n *= 3
    n //= 2
    n %= 4
    desk.n = n


def augmented_stack() -> None:
    w = Local(n=1, node=nodes[1])
    w.n += desk.a
    w.row[1] += w.n + 1
    w.row[desk.b % 2] += 2
    w.m -= 3
    w.node.value += w.row[1]
    desk.s = w.m + w.row[0]


def step(n: u8) -> u8:
    desk.c = n
    return n + 1


def augmented_calls() -> None:
    """The target is read before the call on the right."""
    desk.a += step(1)
    desk.row[step(0)] += step(2)
    n = desk.b
    n += step(3)
    desk.n = n


def address_across_call() -> None:
    """The object on the left is found after the value on the right."""
    desk.node.value = step(2)
    desk.nodes[1].value = step(desk.node.value)


# -------------------------------------------------------------------------------- faults


def asserts() -> None:
    assert desk.a == 0
    assert desk.b < 3, "b is small"


def asserts_more() -> None:
    n = desk.a
    assert n == 0 or desk.b == 2, "either"
    assert not (n and desk.node is None)
    desk.c = n


def bugs() -> None:
    if desk.a:
        bug("Bad page state", "a is set")
    BUG_ON(desk.b == 0)
    BUG_ON(not desk.node)
    desk.c = 1


@atomic
def check_all(n: u8) -> None:
    assert desk.a < n, "a is small"
    desk.c += 1
    if desk.b == 0:
        bug("WARNING", "no b", n)


def checks() -> None:
    check_all(2)
    check_all(1)


def fails_at_once() -> None:
    """A task that fails before it touches anything."""
    n = 3
    assert n == 4


def bugs_at_once() -> None:
    bug("bad", "at once")


def fails_in_call() -> None:
    n = 1
    always_fails(n)
    desk.c = 1


def always_fails(n: u8) -> None:
    assert n == 0


def fails_in_caller() -> None:
    """The locals of two frames are forgotten."""
    w = Local(n=5)
    n = desk.a + 3
    fails_deep(w, n)
    desk.n = n


def fails_deep(w: Local, n: u8) -> None:
    w.n = desk.b
    k = desk.a
    BUG_ON(k + n == w.n + 2)
    desk.c = k


from mmspec.lang import BUG_ON, bug  # noqa: E402

CASES = [
    Case([reads_in_order, interferes], full=(110, 143), merged=(110, 143), set_up=link),
    Case(
        [value_before_target, moves], full=(38, 54), merged=(38, 54), set_up=link, faults=["oops"]
    ),
    Case([comparison_order, interferes], full=(47, 68), merged=(47, 68), set_up=link),
    Case([conditional, interferes], full=(57, 83), merged=(57, 83), set_up=link),
    Case([conditional_nested, interferes], full=(30, 42), merged=(30, 42), set_up=link),
    Case([chained, interferes], full=(42, 62), merged=(42, 62), set_up=link),
    Case([chained_pointer, interferes], full=(26, 40), merged=(26, 40), set_up=link),
    Case(
        [chained_pointer, interferes], full=(16, 21), merged=(16, 21), faults=["oops"], note="null"
    ),
    Case([short_circuit, unlinks], full=(25, 32), merged=(25, 32), set_up=link),
    Case([short_circuit, interferes], full=(42, 67), merged=(42, 67), set_up=link),
    Case([guarded_by_or, interferes], full=(16, 21), merged=(16, 21), faults=["oops"]),
    Case([memberships, interferes], full=(38, 58), merged=(38, 58), set_up=link),
    Case([booleans], full=(12, 11), merged=(12, 11), set_up=link),
    Case([booleans, interferes], full=(105, 151), merged=(105, 151), set_up=link, slow=True),
    Case([calls_in_conditions, interferes], full=(24, 34), merged=(24, 34), set_up=link),
    Case([augmented], full=(26, 25), merged=(26, 25), set_up=link),
    Case([augmented, unlinks], full=(54, 76), merged=(54, 76), set_up=link, faults=["oops"]),
    Case([augmented_locals, interferes], full=(16, 21), merged=(16, 21)),
    Case([augmented_stack, interferes], full=(34, 51), merged=(34, 51), set_up=link),
    Case([augmented_calls, interferes], full=(88, 138), merged=(88, 138)),
    Case([address_across_call, moves], full=(51, 74), merged=(51, 74), set_up=link),
    Case([asserts, interferes], full=(14, 18), merged=(14, 18), set_up=link, faults=["VM_BUG_ON"]),
    Case(
        [asserts_more, interferes],
        full=(21, 27),
        merged=(21, 27),
        set_up=link,
        faults=["VM_BUG_ON"],
    ),
    Case(
        [bugs, interferes],
        full=(23, 32),
        merged=(23, 32),
        set_up=link,
        faults=["Bad page state", "BUG_ON"],
    ),
    Case([bugs, unlinks], full=(11, 13), merged=(11, 13), set_up=link, faults=["BUG_ON"]),
    Case(
        [checks, interferes],
        full=(15, 18),
        merged=(15, 18),
        set_up=link,
        faults=["VM_BUG_ON", "WARNING"],
    ),
    Case([fails_at_once, interferes], full=None, merged=(8, 10), faults=["VM_BUG_ON"]),
    Case([bugs_at_once, interferes], full=None, merged=(8, 10), faults=["bad"]),
    Case([fails_in_call, interferes], full=None, merged=(8, 10), faults=["VM_BUG_ON"]),
    Case(
        [fails_in_caller, interferes],
        full=(42, 57),
        merged=(42, 57),
        set_up=link,
        faults=["BUG_ON"],
    ),
]
