"""A huge page is split while it is written to, thrown away or inherited.

The bug of "mm: thp: introduce separate TTU flag for thp freezing": TTU_MIGRATION meant both "put
migration entries" and "freeze for a split". When the first got a branch for huge PMDs, freezes
could fall into it: the page was taken apart while a PMD still spoke of it as a whole.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    ARCH_ENABLE_THP_MIGRATION,
    MBIND_MOVES_THP,
    PMD_MIGRATION_IN_COMMON_PATHS,
    SPLIT_FREEZE_FLAG,
    THP_MIGRATION,
    THP_WP_UNDER_PAGE_LOCK,
)
from mmspec.kernels.drafts import (
    BRANCH_AT_TOP,
    BRANCH_HEAD_ONLY_WITH_PSE,
    BRANCH_ON_ANY_SUBPAGE,
    CONVERT_PRESENT_PMD_ONLY,
    FREEZE_WITHOUT_PMD_SPLIT,
    WALK_MATCHES_ANY_PMD,
)
from mmspec.kernels.releases import SAFE_SPLITTING, v4_10, v4_13, v4_14
from mmspec.lang import Config
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import (
    __split_huge_page,
    remove_migration_pmd,
    split_huge_pages_set,
)
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.migrate import migration_entry_wait
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    load,
    madvise_dontneed,
    mbind,
    mmap,
    share_mm,
    store,
)

NODE_1 = 2


# ------------------------------------------------------------------------------------- set-ups


def huge() -> None:
    """A huge page, mapped by a PMD, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def small() -> None:
    """A huge page, mapped by PTEs but for its last subpage, which has been thrown away."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, PAGE_SIZE)
    share_mm(1)


def both() -> None:
    """A huge page that parent and child share: the parent maps it by PTEs, the child by a PMD."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, PAGE_SIZE)


# --------------------------------------------------------------------------------------- tasks


def bind() -> None:
    """mbind(2) to the other node: its walk splits huge pages, or (from v4.14) moves them."""
    mbind(USER_BASE, HPAGE_PMD_SIZE, NODE_1, MPOL_MF_MOVE_ALL)


def split() -> None:
    """Write to debugfs' split_huge_pages."""
    split_huge_pages_set()


def write() -> None:
    """Store to a tail of the huge page, and look whether it is there."""
    store(USER_BASE + PAGE_SIZE, 2)
    load(USER_BASE + PAGE_SIZE)


def zap() -> None:
    """madvise(MADV_DONTNEED)."""
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)


def inherit() -> None:
    """fork(2)."""
    fork(2)


# ------------------------------------------------------------------------------------- kernels

#: Fixes of other faults that these programs run into: see the rows of kernels as released.
_OTHER_FIXES = (*SAFE_SPLITTING, THP_WP_UNDER_PAGE_LOCK)

#: What THP migration needs; the third patch's flag is not part of it.
_THP_MIGRATION = (ARCH_ENABLE_THP_MIGRATION, THP_MIGRATION, PMD_MIGRATION_IN_COMMON_PATHS)

_v4_10 = v4_10.with_(*_OTHER_FIXES, *_THP_MIGRATION)
_v4_13 = v4_13.with_(*_OTHER_FIXES)
_v4_14 = v4_14.with_(*SAFE_SPLITTING)
_shared_flag = _v4_14.without(SPLIT_FREEZE_FLAG)

ROWS = (
    Row("v4.13", v4_13, "as released; other faults, fixed in v4.14 and v5.13"),
    Row("v4.14", v4_14, "as released; other faults, fixed in v5.13"),
    Row("v4.13 fixed", _v4_13, "with the fixes of those, as all kernels from here on"),
    Row("v4.14 fixed", _v4_14),
    Row(
        "v4.14 less the patch",
        _shared_flag,
        "the branch is there, the flag is shared",
        "can the bug still happen?",
    ),
    Row("V-A", _v4_10.with_(BRANCH_AT_TOP), "posted as v2, less the patch"),
    Row("V-A with the patch", _v4_10.with_(BRANCH_AT_TOP, SPLIT_FREEZE_FLAG), "posted as v2"),
    Row("V-N", _v4_10.with_(BRANCH_ON_ANY_SUBPAGE), "the message, read literally"),
    Row(
        "V-N guarded",
        _v4_10.with_(BRANCH_ON_ANY_SUBPAGE, CONVERT_PRESENT_PMD_ONLY),
        "the same; only a present PMD is overwritten",
    ),
    Row("V-1", _v4_10.with_(BRANCH_HEAD_ONLY_WITH_PSE), "posted as v1"),
    Row("V-C", _shared_flag.with_(FREEZE_WITHOUT_PMD_SPLIT), "as merged, no PMD split, no patch"),
    Row("V-C with the patch", _v4_14.with_(FREEZE_WITHOUT_PMD_SPLIT), "as merged, no PMD split"),
    Row("V-W", _shared_flag.with_(WALK_MATCHES_ANY_PMD), "as merged, blind walk, no patch"),
    Row("V-W with the patch", _v4_14.with_(WALK_MATCHES_ANY_PMD), "as merged, blind walk"),
)

SCENARIO = Scenario(
    name="seed",
    title="a huge page is split while it is written to, zapped or forked",
    cases=(
        # where mbind moves huge pages, something else has to split them
        *crossed((huge, small, both), (split,), (write, zap, inherit), (MBIND_MOVES_THP,)),
        *crossed((huge, small, both), (bind,), (write, zap, inherit)),
    ),
    rows=ROWS,
    config=Config.of(
        order=2, frames=24, tasks=3, mms=3, vmas=3, anon_vmas=3, avcs=6, tables=6, migrate_passes=4
    ),
    witnesses=(
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("a fault waits for a migration entry", migration_entry_wait),
        Witness("a huge page is moved", remove_migration_pmd, (MBIND_MOVES_THP,)),
    ),
    explanation=__doc__,
    shown="V-A",
)
