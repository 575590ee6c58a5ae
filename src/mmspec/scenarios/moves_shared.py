"""A huge page that two processes share moves to another node while one of them splits its PMD."""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.properties.marks import (
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import LAST_PAGE, family, move
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import bind, inherit, write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    madvise_dontneed,
    mbind,
    migrate_pages,
    mmap,
    share_mm,
    store,
)

NODE_0 = 1

# ------------------------------------------------------------------------------------- set-ups


def inherited() -> None:
    """A huge page, mapped by PMDs in a process of two threads and in its child, which sleeps."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(2)
    share_mm(1)


def settled() -> None:
    """A huge page on node 1, mapped by PMDs in two processes, parent and child."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    migrate_pages(0, 1, MPOL_MF_MOVE_ALL)
    fork(1)


# --------------------------------------------------------------------------------------- tasks


def move_back() -> None:
    """migrate_pages(2): everything on node 1 to node 0."""
    migrate_pages(1, 0, MPOL_MF_MOVE_ALL)


def bind_back() -> None:
    """mbind(2) to node 0."""
    mbind(USER_BASE, HPAGE_PMD_SIZE, NODE_0, MPOL_MF_MOVE_ALL)


def renew() -> None:
    """Throw the huge page away, get a new one, and throw a part of that away."""
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 3)
    madvise_dontneed(USER_BASE + LAST_PAGE, PAGE_SIZE)


def zap_part_and_write() -> None:
    """The same, and then a store to the first page."""
    madvise_dontneed(USER_BASE + LAST_PAGE, PAGE_SIZE)
    store(USER_BASE, 2)


SCENARIO = Scenario(
    name="moves_shared",
    title="a huge page of two processes is moved while one of them splits its PMD",
    cases=(
        *crossed((inherited,), (move,), (write, zap_part_and_write)),
        *crossed((family,), (move,), (bind, inherit), (MBIND_MOVES_THP,)),
        *crossed((family,), (move,), (renew,)),
        *crossed((settled,), (move_back,), (bind_back,), (MBIND_MOVES_THP,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
    ),
    explanation=__doc__,
    also=(
        what_was_stored_to_is_dirty,
        what_was_stored_to_is_soft_dirty,
    ),
)
