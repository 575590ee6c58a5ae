"""The deferred split list: a list_head laid over words of a huge page's second tail.

With fewer than four subpages there is no second tail; the words of the first tail's `index` and
`private` then serve, which is not how a kernel could be built but leaves every rule the same.
Its words are read and written with the split queue's lock held, all of an operation in one step.
Pointers are numbers: the queue's head, the head of the list on a shrinker's stack, or the address
of a page's list_head. A shrinker takes one page at a time and knows which: the head of its list is
not stored anywhere.
"""

from __future__ import annotations

from mmspec.lang import bug, commuting, index_of, initializer, this_task, u16, u32
from mmspec.spec.machine.sizes import HPAGE_PMD_ORDER, NR_TASKS
from mmspec.spec.page.mm import MEM_MAP_ADDRESS, STRUCT_PAGE_SIZE
from mmspec.spec.page.mm_types import Page, mem_map, pgdat

SPLIT_QUEUE = 0x800
#: The heads of lists on stacks, one for each task.
ON_STACK = 0x900
#: What list_del() leaves behind.
LIST_POISON1, LIST_POISON2 = 0x100, 0x200
_OVERLAY = 8
_NARROW_PAGES = 0x1000


def page_deferred_list(page: Page) -> u32:
    """The address of a huge page's list_head: &page[2].mapping."""
    return MEM_MAP_ADDRESS + (index_of(page) + 2) * STRUCT_PAGE_SIZE + _OVERLAY


def list_page(node: u32) -> Page:
    """The head of the huge page that a list_head belongs to; CONFIG_DEBUG_LIST finds wild ones."""
    first = page_deferred_list(mem_map[0])
    if node < first or node % STRUCT_PAGE_SIZE != first % STRUCT_PAGE_SIZE:
        bug("list corruption", "a deferred list's pointer leads to no list_head")
    offset: u32 = node - MEM_MAP_ADDRESS - _OVERLAY
    return mem_map[offset // STRUCT_PAGE_SIZE - 2]


def list_on_stack() -> u32:
    """The head of this task's list."""
    return ON_STACK + this_task()


def _is_on_stack(node: u32) -> bool:
    return node >= ON_STACK and node < ON_STACK + NR_TASKS


def _next(node: u32) -> u32:
    if node == SPLIT_QUEUE:
        return pgdat.split_queue_next
    page = list_page(node)
    if HPAGE_PMD_ORDER < 2:
        return (page + 1).index
    return (page + 2).mapping


def _prev(node: u32) -> u32:
    if node == SPLIT_QUEUE:
        return pgdat.split_queue_prev
    page = list_page(node)
    if HPAGE_PMD_ORDER < 2:
        return _narrow_to_address((page + 1).private)
    return (page + 2).index


def _set_next(node: u32, value: u32) -> None:
    if node == SPLIT_QUEUE:
        pgdat.split_queue_next = value
        return
    if _is_on_stack(node):
        return
    page = list_page(node)
    if HPAGE_PMD_ORDER < 2:
        (page + 1).index = value
    else:
        (page + 2).mapping = value


def _set_prev(node: u32, value: u32) -> None:
    if node == SPLIT_QUEUE:
        pgdat.split_queue_prev = value
        return
    if _is_on_stack(node):
        return
    page = list_page(node)
    if HPAGE_PMD_ORDER < 2:
        (page + 1).private = _address_to_narrow(value)
    else:
        (page + 2).index = value


def _address_to_narrow(node: u32) -> u16:
    if node < MEM_MAP_ADDRESS:
        return node
    offset: u32 = node - MEM_MAP_ADDRESS
    return _NARROW_PAGES + offset // STRUCT_PAGE_SIZE


def _narrow_to_address(word: u16) -> u32:
    if word < _NARROW_PAGES:
        return word
    return MEM_MAP_ADDRESS + (word - _NARROW_PAGES) * STRUCT_PAGE_SIZE + _OVERLAY


@initializer
def INIT_LIST_HEAD(page: Page) -> None:
    """An empty list_head in a huge page that nobody else has (prep_transhuge_page())."""
    node = page_deferred_list(page)
    _set_next(node, node)
    _set_prev(node, node)


@initializer
def init_split_queue() -> None:
    """An empty queue."""
    pgdat.split_queue_next = SPLIT_QUEUE
    pgdat.split_queue_prev = SPLIT_QUEUE


@commuting
def list_next(node: u32) -> u32:
    """The node after this one; after the last comes the list's head."""
    return _next(node)


@commuting
def list_empty(node: u32) -> bool:
    """Whether a node is on no list, or a list has nothing on it."""
    return _next(node) == node


@commuting
def list_add_tail(node: u32, head: u32) -> None:
    """Put a node at the end of a list."""
    prev = _prev(head)
    _set_prev(head, node)
    _set_next(node, head)
    _set_prev(node, prev)
    _set_next(prev, node)


@commuting
def list_del(node: u32) -> None:
    """Take a node off its list; it says nothing of a list any more."""
    following = _next(node)
    prev = _prev(node)
    _set_prev(following, prev)
    _set_next(prev, following)
    _set_next(node, LIST_POISON1)
    _set_prev(node, LIST_POISON2)


@commuting
def list_del_init(node: u32) -> None:
    """Take a node off its list and leave it empty."""
    list_del(node)
    _set_next(node, node)
    _set_prev(node, node)


@commuting
def list_move_to_stack(node: u32) -> None:
    """list_move() to this task's list, which is empty."""
    list_del(node)
    _set_next(node, list_on_stack())
    _set_prev(node, list_on_stack())


@commuting
def list_splice_from_stack(node: u32) -> None:
    """list_splice_tail() of this task's list: of `node`, unless somebody took it off."""
    if _next(node) == list_on_stack():
        list_add_tail(node, SPLIT_QUEUE)
