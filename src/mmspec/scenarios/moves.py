"""A huge page moves to another node while it is used.

migrate_pages(2) moves it with mmap_sem for reading: faults, MADV_DONTNEED and whatever other
processes do can meet its migration entry.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config, derived
from mmspec.properties.marks import (
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, inherit, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    madvise_dontneed,
    madvise_free,
    migrate_pages,
    mmap,
    share_mm,
    store,
)

LAST_PAGE: int = derived(lambda: HPAGE_PMD_SIZE - PAGE_SIZE)

# ------------------------------------------------------------------------------------- set-ups


def freed() -> None:
    """A huge page, mapped by a PMD, that was given to MADV_FREE, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    madvise_free(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def family() -> None:
    """A huge page, mapped by PMDs in two processes, parent and child."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)


# --------------------------------------------------------------------------------------- tasks


def move() -> None:
    """migrate_pages(2): everything on node 0 to node 1, whoever else maps it."""
    migrate_pages(0, 1, MPOL_MF_MOVE_ALL)


def zap_part() -> None:
    """madvise(MADV_DONTNEED) of the last page: the PMD has to be split."""
    madvise_dontneed(USER_BASE + LAST_PAGE, PAGE_SIZE)


def give_away() -> None:
    """madvise(MADV_FREE)."""
    madvise_free(USER_BASE, HPAGE_PMD_SIZE)


SCENARIO = Scenario(
    name="moves",
    title="a huge page is moved while it is written to, zapped, or inherited",
    cases=(
        *crossed((huge,), (move,), (write, zap, zap_part, give_away, inherit)),
        *crossed((freed,), (move,), (write,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=Config.of(
        order=2, frames=24, tasks=3, mms=3, vmas=3, anon_vmas=3, avcs=6, tables=6, migrate_passes=4
    ),
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
    ),
    explanation=__doc__,
    also=(
        what_was_stored_to_is_dirty,
        what_was_stored_to_is_soft_dirty,
    ),
)
