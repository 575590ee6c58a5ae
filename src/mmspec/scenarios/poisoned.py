"""A frame is broken: what it holds is lost, who needs it is told, and it is not used again.

The frame's number is all that is known, and its process goes on meanwhile. A huge page that it is
part of is split first.
"""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.properties.marks import what_is_mapped_is_up_to_date
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import bind, huge, inherit, small, split, write, zap
from mmspec.scenarios.soft_offlined import soften
from mmspec.scenarios.swapped import base, out, reclaim
from mmspec.scenarios.swapped import discard as discard_base
from mmspec.scenarios.swapped import inherit as inherit_base
from mmspec.scenarios.swapped import write as write_base
from mmspec.spec.machine.sizes import HPAGE_PMD_NR, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import (
    delete_from_lru_cache,
    do_machine_check,
    kill_proc,
    me_swapcache_dirty,
    store_hard_offline_page,
)
from mmspec.spec.page.syscalls import load, madvise_hwpoison, madvise_soft_offline, store

# --------------------------------------------------------------------------------------- set-ups


def back() -> None:
    """A base page that has come back from the swap file, to be read; the slot is as good."""
    out()
    load(USER_BASE)


# ----------------------------------------------------------------------------------------- tasks


def fail() -> None:
    """Write the number of the huge page's second frame to hard_offline_page."""
    store_hard_offline_page(1)


def fail_last() -> None:
    """The same with the last frame."""
    store_hard_offline_page(HPAGE_PMD_NR - 1)


def fail_head() -> None:
    """The same with the first frame."""
    store_hard_offline_page(0)


def consume() -> None:
    """The processor meets the broken frame: a machine check."""
    do_machine_check(1)


def refill() -> None:
    """madvise(MADV_DONTNEED); then store there again."""
    zap()
    store(USER_BASE + PAGE_SIZE, 2)


def inject() -> None:
    """madvise(MADV_HWPOISON) of the second page; then store to it."""
    madvise_hwpoison(USER_BASE + PAGE_SIZE, PAGE_SIZE)
    store(USER_BASE + PAGE_SIZE, 3)


def inject_soft() -> None:
    """madvise(MADV_SOFT_OFFLINE) of the second page."""
    madvise_soft_offline(USER_BASE + PAGE_SIZE, PAGE_SIZE)


SCENARIO = Scenario(
    name="poisoned",
    title="a frame breaks while the page, or the huge page it is part of, is used",
    cases=(
        *(Case(f"{s.__name__}/fail", s, (fail,)) for s in (huge, small)),
        Case("small/fail_head", small, (fail_head,)),
        *crossed((huge, small), (fail,), (write, zap, refill, inherit, split)),
        *crossed((small,), (fail,), (bind,)),
        *crossed((huge,), (fail,), (fail, fail_last, soften)),
        *crossed((huge,), (consume,), (write,)),
        *crossed((huge,), (inject,), (write, inject)),
        *crossed((huge,), (inject_soft,), (write,)),
        *crossed((base,), (fail_head,), (write_base, discard_base, inherit_base, reclaim)),
        *crossed((out, back), (fail_head,), (write_base,)),
        Case("base/write/reclaim/fail_head", base, (write_base, reclaim, fail_head)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=2,
        frames=24,
        tasks=3,
        mms=3,
        vmas=3,
        anon_vmas=3,
        avcs=6,
        tables=6,
        swap_slots=8,
        memory_failure=1,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("a page that is broken leaves the LRU", delete_from_lru_cache),
        Witness("a process is told at once", kill_proc),
        Witness("a page is kept in the swap cache", me_swapcache_dirty),
    ),
    explanation=__doc__,
    also=(what_is_mapped_is_up_to_date,),
)
