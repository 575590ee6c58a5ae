"""get_user_pages(), with locks and without, and what pins are good for."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.changes import PINS_COUNTED_APART
from mmspec.kernels.releases import v4_10, v4_14, v4_14_fixed, v4_14_sole_reference
from mmspec.lang import ModelError
from mmspec.spec.machine.pgtable import pmd_pfn, pmd_trans_huge, pmd_write, pte_pfn
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.gup import (
    FOLL_PIN,
    FOLL_WRITE,
    FollowedPage,
    get_user_pages,
    get_user_pages_fast,
    unpin_user_page,
)
from mmspec.spec.page.mm import GUP_PIN_COUNTING_BIAS, page_maybe_dma_pinned
from mmspec.spec.page.mm_types import EFAULT, Mm, Page, mem_map, mms, tasks
from mmspec.spec.page.page_flags import compound_head
from mmspec.spec.page.pgtable import flush_tlb_mm, local_irq_disable, pmd_table
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    device_load,
    device_store,
    exit_mm,
    fork,
    load,
    madvise_dontneed,
    mmap,
    mmap_readonly,
    peek,
    pin_user_page,
    poke,
    share_mm,
    store,
    unpin,
)
from tests.spec.running import Machine, left_over, machine

RELEASES = [v4_10, v4_14, v4_14_fixed, v4_14_sole_reference]
KERNELS = pytest.mark.parametrize("kernel", RELEASES, ids=str)
KERNELS_AND_ORDERS = pytest.mark.parametrize(
    ("kernel", "order"),
    [*((kernel, 2) for kernel in RELEASES), (v4_14_fixed, 9)],
    ids=str,
)


def _second() -> int:
    """The address of the second page."""
    return USER_BASE + PAGE_SIZE


def _mapped(mm: Mm, n: int = 1) -> Page:
    pmd = mm.pgd.pmd[0].val
    if pmd_trans_huge(pmd):
        return mem_map[pmd_pfn(pmd) + n]
    return mem_map[pte_pfn(pmd_table(pmd).pte[n].val)]


def _stored(made: Machine, split: bool = False) -> None:
    made.call(boot)
    made.call(mmap, USER_BASE, HPAGE_PMD_SIZE)
    made.call(store, _second(), 7)
    if split:
        made.call(madvise_dontneed, USER_BASE, PAGE_SIZE)


@KERNELS_AND_ORDERS
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("pin", [get_user_pages, get_user_pages_fast])
def test_a_pin_is_a_reference_to_what_is_mapped(
    pin: object, order: int, split: bool, kernel: Kernel
) -> None:
    with machine(kernel, order, pins=1) as made:
        _stored(made, split)
        head = compound_head(_mapped(mms[0]))
        before = head._refcount

        def pinned() -> Page:
            found = FollowedPage()
            assert callable(pin)
            assert pin(mms[0], _second(), FOLL_PIN | FOLL_WRITE, found) == 1
            return found.page

        page = made.call(pinned)
        assert page is _mapped(mms[0]) and page.data == 7
        apart = PINS_COUNTED_APART in kernel
        assert head._refcount == before + (GUP_PIN_COUNTING_BIAS if apart else 1)
        assert made.call(page_maybe_dma_pinned, page) == apart
        made.call(unpin_user_page, page, FOLL_PIN)
        assert head._refcount == before


@KERNELS_AND_ORDERS
def test_a_debugger_writes_where_the_process_may_not(order: int, kernel: Kernel) -> None:
    with machine(kernel, order) as made:
        made.call(boot)
        made.call(mmap_readonly, USER_BASE, HPAGE_PMD_SIZE)
        made.call(store, _second(), 3)
        assert mms[0].pgd.pmd[0].val == 0
        made.call(poke, _second(), 7)

        made.call(load, _second())
        made.call(peek, _second())
        made.call(store, _second(), 3)
        assert _mapped(mms[0]).data == 7 and mms[0].last_store[1] == 7
        assert pmd_trans_huge(mms[0].pgd.pmd[0].val) and not pmd_write(mms[0].pgd.pmd[0].val)
        made.call(exit_mm)
        assert left_over() == []


@KERNELS
def test_others_may_only_what_the_process_may(kernel: Kernel) -> None:
    with machine(kernel, pins=1) as made:
        made.call(boot)
        made.call(mmap_readonly, USER_BASE, 2 * PAGE_SIZE)

        def errors() -> list[int]:
            found = FollowedPage()
            write = get_user_pages_fast(mms[0], _second(), FOLL_PIN | FOLL_WRITE, found)
            return [write, get_user_pages_fast(mms[0], USER_BASE + 2 * PAGE_SIZE, FOLL_PIN, found)]

        assert made.call(errors) == [-EFAULT, -EFAULT]
        assert made.call(pin_user_page, _second(), False)
        made.call(device_load, _second())
        made.call(unpin, False)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("kernel", [v4_14_fixed, v4_14_sole_reference], ids=str)
def test_a_pinned_page_stays_the_parents(kernel: Kernel, split: bool) -> None:
    with machine(kernel, frames=64, pins=1) as made:
        _stored(made, split)
        assert made.call(pin_user_page, _second(), True)
        page = tasks[0].pin
        made.call(fork, 1)

        assert _mapped(mms[0]) is page and _mapped(mms[1]) is not page
        made.call(device_store, _second(), 5)
        made.call(load, _second())
        made.call(load, _second(), task=1)
        assert (mms[0].last_store[1], mms[1].last_store[1]) == (5, 7)
        made.call(store, _second(), 6)
        made.call(device_load, _second())
        assert _mapped(mms[0]) is page
        made.call(unpin, True)
        for task in (1, 0):
            made.call(exit_mm, task=task)
        assert left_over() == []


@KERNELS
@pytest.mark.parametrize("split", [False, True])
def test_tracking_stores_does_not_move_a_process_off_a_pinned_page(
    split: bool, kernel: Kernel
) -> None:
    with machine(kernel, pins=1) as made:
        _stored(made, split)
        assert made.call(pin_user_page, _second(), True)
        made.call(clear_refs)
        made.call(store, _second(), 3)

        assert _mapped(mms[0]) is tasks[0].pin
        made.call(unpin, True)


def test_what_is_thrown_away_is_the_devices_alone() -> None:
    with machine(v4_14_fixed, pins=1) as made:
        _stored(made)
        made.call(pin_user_page, _second(), True)
        made.call(madvise_dontneed, USER_BASE, HPAGE_PMD_SIZE)
        made.call(device_store, _second(), 5)

        made.call(load, _second())
        assert mms[0].last_store[1] == 0 and tasks[0].pin.data == 5
        made.call(unpin, True)
        made.call(exit_mm)
        assert left_over() == []


def test_a_flush_waits_for_processors_that_serve_no_interrupts() -> None:
    with machine(v4_14, pins=1) as made:
        _stored(made)
        made.call(fork, 1)
        made.call(share_mm, 2)
        made.call(local_irq_disable, task=2)

        made.call(flush_tlb_mm, mms[1], task=1)
        with pytest.raises(ModelError):
            made.call(flush_tlb_mm, mms[0])
