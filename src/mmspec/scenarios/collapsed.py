"""khugepaged collapses base pages to a huge page, while they are used.

It takes mmap_sem for writing, which keeps faults away, and the anon_vma's lock, which keeps the
reverse map away. Who walks page tables with neither may find them gone.
"""

from __future__ import annotations

from mmspec.properties.marks import (
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, split, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.coredump import do_coredump
from mmspec.spec.page.huge_memory import split_huge_pages_set
from mmspec.spec.page.khugepaged import __collapse_huge_page_copy, collapse_huge_page
from mmspec.spec.page.syscalls import boot, exit_mm, khugepaged, madvise_hugepage, mmap, store

# ------------------------------------------------------------------------------------- set-ups


def scattered() -> None:
    """Base pages where a huge page was, in a process that khugepaged is to look at."""
    boot()
    madvise_hugepage()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    split_huge_pages_set()
    store(USER_BASE, 1)


def whole() -> None:
    """A huge page, in a process that khugepaged is to look at."""
    boot()
    madvise_hugepage()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)


# --------------------------------------------------------------------------------------- tasks


def collapse() -> None:
    """khugepaged looks at the process."""
    khugepaged()


def dump() -> None:
    """The process dumps core."""
    do_coredump()


def leave() -> None:
    """exit(2)."""
    exit_mm()


SCENARIO = Scenario(
    name="collapsed",
    title="base pages are collapsed to a huge page while they are used, moved or dumped",
    cases=(
        *crossed((scattered,), (write, zap, inherit, split, move, leave, dump), (collapse,)),
        *crossed((whole,), (move, zap), (collapse,)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a page table is taken away", collapse_huge_page),
        Witness("pages are copied to a huge page", __collapse_huge_page_copy),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty, what_was_stored_to_is_soft_dirty),
)
