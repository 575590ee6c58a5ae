"""Whoever asks which pages are idle must hear of every use, by whichever of a page's entries.

Moving or splitting a page forgets accessed bits, in every kernel here: neither is done.
"""

from __future__ import annotations

from mmspec.properties.marks import what_was_stored_to_is_not_idle
from mmspec.scenarios import moves
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.page_idle import page_idle_clear_pte_refs_one
from mmspec.spec.page.syscalls import (
    boot,
    load,
    madvise_dontneed,
    mark_idle,
    mmap,
    read_idle,
    share_mm,
    store,
)

# ------------------------------------------------------------------------------------- set-ups


def idle() -> None:
    """An idle huge page, mapped by a PMD, that has been read only, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    load(USER_BASE)
    share_mm(1)
    mark_idle()


def idle_by_PTEs() -> None:
    """The same, mapped by PTEs but for its last subpage."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    load(USER_BASE)
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, PAGE_SIZE)
    share_mm(1)
    mark_idle()


# --------------------------------------------------------------------------------------- tasks


def look() -> None:
    """Read /sys/kernel/mm/page_idle/bitmap."""
    read_idle()


def touch() -> None:
    """Store to the first page. This processor has not used it before."""
    store(USER_BASE, 1)


SCENARIO = Scenario(
    name="idle",
    title="a page is used while somebody asks whether it is idle",
    cases=crossed((idle, idle_by_PTEs), (look,), (touch,)),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(Witness("accessed bits are cleared", page_idle_clear_pte_refs_one),),
    explanation=__doc__,
    also=(what_was_stored_to_is_not_idle,),
)
