"""KSM merges pages of equal content while they are used, moved, forked or given up.

ksmd compares pages with no lock on what they hold: it makes one read-only, and compares again. From
then on the page belongs to no anon_vma, and is found by the addresses that ksmd has noted.
"""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, split
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.ksm import ksm_migrate_page, rmap_walk_ksm
from mmspec.spec.page.ksmd import break_ksm, replace_page, stable_tree_insert
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    fork,
    ksmd,
    kswapd,
    load,
    madvise_dontneed,
    madvise_mergeable,
    madvise_unmergeable,
    mark_idle,
    mmap,
    mmap_nohugepage,
    share_mm,
    store,
)

# ------------------------------------------------------------------------------------- set-ups


def alike() -> None:
    """Two base pages of equal content, which ksmd has looked at once."""
    boot()
    mmap_nohugepage(USER_BASE, 2 * PAGE_SIZE)
    store(USER_BASE, 1)
    store(USER_BASE + PAGE_SIZE, 1)
    madvise_mergeable(USER_BASE, 2 * PAGE_SIZE)
    ksmd()


def joined() -> None:
    """Two base pages that ksmd has merged."""
    alike()
    ksmd()


def joined_again() -> None:
    """The same; then another page has got the same contents."""
    joined()
    store(USER_BASE, 2)
    store(USER_BASE, 1)


def joined_threads() -> None:
    """Two base pages that ksmd has merged, in a process of two threads."""
    joined()
    mark_idle()
    share_mm(1)


def joined_family() -> None:
    """Two base pages that ksmd has merged, of parent and child."""
    joined()
    mark_idle()
    fork(1)


def whole() -> None:
    """A huge page, all of it of equal content, which ksmd has looked at once."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 0)
    madvise_mergeable(USER_BASE, HPAGE_PMD_SIZE)
    ksmd()


# --------------------------------------------------------------------------------------- tasks


def merge() -> None:
    """ksmd looks at everything."""
    ksmd()


def write() -> None:
    """Store to the first page, and look whether it is there, and the second is as it was."""
    store(USER_BASE, 2)
    load(USER_BASE)
    load(USER_BASE + PAGE_SIZE)


def write_second() -> None:
    """Store to the second page, and look at both."""
    store(USER_BASE + PAGE_SIZE, 3)
    load(USER_BASE + PAGE_SIZE)
    load(USER_BASE)


def zap() -> None:
    """madvise(MADV_DONTNEED) of both pages."""
    madvise_dontneed(USER_BASE, 2 * PAGE_SIZE)


def unmerge() -> None:
    """madvise(MADV_UNMERGEABLE)."""
    madvise_unmergeable(USER_BASE, 2 * PAGE_SIZE)


def leave() -> None:
    """exit(2)."""
    exit_mm()


def reclaim() -> None:
    """kswapd reclaims a page."""
    kswapd()


def reclaim_and_read() -> None:
    """kswapd reclaims a page, which is read again."""
    kswapd()
    load(USER_BASE)
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="merged",
    title="pages of equal content are merged while they are used, moved, forked or given up",
    cases=(
        *crossed((alike,), (write, write_second, zap, inherit, move, unmerge, leave), (merge,)),
        *crossed((joined_again,), (write_second, zap, inherit, move, unmerge, leave), (merge,)),
        *crossed((whole,), (write, split, zap, move, inherit), (merge,)),
        *crossed((joined_threads,), (move, reclaim_and_read), (write, zap)),
        *crossed((joined_family,), (move, reclaim, leave), (write_second,)),
        *crossed((joined_family,), (move,), (inherit,)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=1,
        frames=16,
        tasks=3,
        mms=3,
        vmas=3,
        anon_vmas=3,
        avcs=6,
        tables=4,
        swap_slots=4,
        stable_nodes=2,
        rmap_items=6,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("a page is replaced by a merged one", replace_page),
        Witness("a merged page gets a node", stable_tree_insert),
        Witness("a merge is undone", break_ksm),
        Witness("a merged page is looked for by its node", rmap_walk_ksm),
        Witness("a merged page is moved", ksm_migrate_page),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty,),
)
