"""Reclaim takes a page that is in use: it goes to the swap file, and comes back as it was."""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.properties.marks import (
    no_processor_can_store_where_the_VMA_forbids_it,
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.memory import do_swap_page
from mmspec.spec.page.mm_types import VM_READ
from mmspec.spec.page.page_io import swap_readpage, swap_writepage
from mmspec.spec.page.swap_state import add_to_swap
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    kswapd,
    load,
    madvise_dontneed,
    mark_idle,
    mmap,
    mprotect,
    share_mm,
    store,
)
from mmspec.spec.page.vmscan import __remove_mapping

# ------------------------------------------------------------------------------------- set-ups


def base() -> None:
    """A base page that has not been used lately, in a process of two threads."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    mark_idle()
    share_mm(1)


def shared() -> None:
    """The same, shared by parent and child."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    fork(1)
    mark_idle()


def out() -> None:
    """A base page that has gone to the swap file, in a process of two threads."""
    base()
    kswapd()


def out_shared() -> None:
    """The same, of parent and child."""
    shared()
    kswapd()


def whole() -> None:
    """A huge page that has not been used lately, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    mark_idle()
    share_mm(1)


# --------------------------------------------------------------------------------------- tasks


def reclaim() -> None:
    """kswapd reclaims the page."""
    kswapd()


def write() -> None:
    """Store to the page, and look whether it is there."""
    store(USER_BASE, 2)
    load(USER_BASE)


def read() -> None:
    """Load from the page."""
    load(USER_BASE)


def discard() -> None:
    """madvise(MADV_DONTNEED)."""
    madvise_dontneed(USER_BASE, PAGE_SIZE)


def protect() -> None:
    """mprotect(2): from now on it can only be read."""
    mprotect(USER_BASE, PAGE_SIZE, VM_READ)


def inherit() -> None:
    """fork(2)."""
    fork(2)


SCENARIO = Scenario(
    name="swapped",
    title="a page is swapped out and in while it is written to, thrown away or inherited",
    cases=(
        *crossed((base, shared), (reclaim,), (write, read, discard)),
        *crossed((base,), (reclaim,), (inherit,)),
        *crossed((base,), (protect,), (reclaim,)),
        *crossed((out, out_shared), (write,), (write, read)),
        *crossed((out_shared,), (reclaim,), (write,)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=2,
        frames=16,
        tasks=3,
        mms=3,
        vmas=3,
        anon_vmas=3,
        avcs=6,
        tables=4,
        swap_slots=8,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("a page gets a slot", add_to_swap),
        Witness("a page is written to the swap file", swap_writepage),
        Witness("a page leaves the swap cache by reclaim", __remove_mapping),
        Witness("a fault meets a swap entry", do_swap_page),
        Witness("a page is read from the swap file", swap_readpage),
    ),
    explanation=__doc__,
    also=(
        no_processor_can_store_where_the_VMA_forbids_it,
        what_was_stored_to_is_dirty,
        what_was_stored_to_is_soft_dirty,
    ),
)
