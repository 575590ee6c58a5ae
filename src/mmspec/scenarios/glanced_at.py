"""The migration entry of a huge page is split while somebody looks at it without locks.

get_user_pages_fast() reads a PMD, takes a reference on the page that it finds there, and looks
again.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.gup import gup_huge_pmd
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.syscalls import (
    boot,
    madvise_dontneed,
    mmap,
    pin_user_page,
    share_mm,
    store,
    unpin,
)


def threads() -> None:
    """A huge page, mapped by a PMD, in a process of three threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)
    share_mm(2)


def zap_last() -> None:
    """madvise(MADV_DONTNEED) of the last page: the PMD has to be split."""
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, PAGE_SIZE)


def pin() -> None:
    """Take a reference on the first page, as O_DIRECT does, and give it back."""
    if pin_user_page(USER_BASE, False):
        unpin(False)


SCENARIO = Scenario(
    name="glanced_at",
    title="a huge page is moved while its PMD is split and somebody takes a reference",
    cases=(
        Case("threads/move/zap_last", threads, (move, zap_last)),
        Case("threads/move/zap_last/pin", threads, (move, zap_last, pin)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=Config.of(
        order=1,
        frames=8,
        tasks=3,
        mms=1,
        vmas=1,
        anon_vmas=1,
        avcs=1,
        tables=2,
        migrate_passes=2,
        pins=1,
    ),
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
        Witness("a huge page is pinned without locks", gup_huge_pmd),
    ),
    explanation=__doc__,
)
