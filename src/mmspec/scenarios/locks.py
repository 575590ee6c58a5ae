"""Memory that is locked, and unlocked while it is moved, split and unmapped."""

from __future__ import annotations

from mmspec.properties.marks import (
    mlocked_pages_are_counted,
    mlocked_pages_are_in_locked_mappings,
    no_huge_page_that_PTEs_map_is_mlocked,
    pages_of_locked_mappings_are_mlocked,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.moves_locked import locked
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, split, write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.mlock_vmas import munlock_vma_pages_range
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    madvise_dontneed,
    mlock,
    mmap,
    mmap_locked,
    munlock,
    share_mm,
    store,
)


def locked_small() -> None:
    """Two base pages, locked, in a process of two threads."""
    boot()
    mmap_locked(USER_BASE, 2 * PAGE_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def locked_small_family() -> None:
    """Two base pages that parent and child share; the parent has locked them."""
    boot()
    mmap_locked(USER_BASE, 2 * PAGE_SIZE)
    store(USER_BASE, 1)
    fork(1)


def locked_in_part() -> None:
    """A huge page that PTEs map, which is not mlocked, and one base page, in a locked mapping."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, PAGE_SIZE)
    mlock(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def locked_later() -> None:
    """A huge page that is locked when it is there already, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    mlock(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def unlock() -> None:
    """munlock(2)."""
    munlock(USER_BASE, HPAGE_PMD_SIZE)


def unlock_small() -> None:
    """munlock(2) of two pages."""
    munlock(USER_BASE, 2 * PAGE_SIZE)


SCENARIO = Scenario(
    name="locks",
    title="locked memory is unlocked, moved, split and unmapped",
    cases=(
        Case("locked_small/move", locked_small, (move,)),
        Case("locked_in_part/unlock", locked_in_part, (unlock,)),
        Case("locked_later/unlock", locked_later, (unlock,)),
        *crossed((locked_small,), (unlock_small,), (write,)),
        *crossed((locked_small_family,), (unlock_small,), (move, write)),
        *crossed((locked,), (unlock,), (zap_part, split, inherit)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(Witness("a mapping is unlocked", munlock_vma_pages_range),),
    explanation=__doc__,
    also=(
        mlocked_pages_are_counted,
        mlocked_pages_are_in_locked_mappings,
        no_huge_page_that_PTEs_map_is_mlocked,
        pages_of_locked_mappings_are_mlocked,
    ),
)
