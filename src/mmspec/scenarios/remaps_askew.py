"""A huge page that two page tables map, since mremap(2) has moved it by part of its length.

It was split into PTEs to be moved: the walk by which a split or a migration finds it goes on from
one table to the next.
"""

from __future__ import annotations

from mmspec.lang import Config, derived
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import split
from mmspec.spec.machine.sizes import HPAGE_PMD_ORDER, HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.mremap import move_ptes
from mmspec.spec.page.syscalls import boot, load, madvise_dontneed, mmap, mremap, share_mm, store

#: One page into the second PMD.
ASKEW: int = derived(lambda: (PAGE_SIZE << HPAGE_PMD_ORDER) * 2 + PAGE_SIZE)


def askew() -> None:
    """A huge page across two page tables, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    store(USER_BASE + HPAGE_PMD_SIZE - PAGE_SIZE, 2)
    mremap(USER_BASE, HPAGE_PMD_SIZE, ASKEW)
    share_mm(1)


def zap_askew() -> None:
    """madvise(MADV_DONTNEED) of all of it."""
    madvise_dontneed(ASKEW, HPAGE_PMD_SIZE)


def zap_head() -> None:
    """madvise(MADV_DONTNEED) of its first page: then the first of the two tables is empty."""
    madvise_dontneed(ASKEW, PAGE_SIZE)


def write_askew() -> None:
    """Store to its last page, and look at it."""
    store(ASKEW + HPAGE_PMD_SIZE - PAGE_SIZE, 3)
    load(ASKEW + HPAGE_PMD_SIZE - PAGE_SIZE)


def straighten() -> None:
    """mremap(2) to where one page table maps it."""
    mremap(ASKEW, HPAGE_PMD_SIZE, USER_BASE)
    load(USER_BASE)


SCENARIO = Scenario(
    name="remaps_askew",
    title="a huge page that two page tables map is split, moved, thrown away or moved back",
    cases=(
        *crossed((askew,), (split,), (zap_askew, zap_head, write_askew, straighten)),
        *crossed((askew,), (move,), (zap_head, write_askew)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=1,
        pmds=3,
        frames=12,
        tasks=2,
        mms=1,
        vmas=3,
        anon_vmas=2,
        avcs=3,
        tables=5,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("PTEs are moved", move_ptes),
        Witness("a huge page is taken apart", __split_huge_page),
    ),
    explanation=__doc__,
)
