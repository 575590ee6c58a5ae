"""Two threads of a process throw memory away, or one does while the other faults it in.

Both have mmap_sem for reading. What one of them has cleared and not flushed looks empty to the
other, whose processor may still have it in its TLB.
"""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_13, v4_14
from mmspec.lang import Config
from mmspec.scenarios.moves import LAST_PAGE
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.memory import zap_pte_range
from mmspec.spec.page.syscalls import boot, load, madvise_dontneed, mmap, share_mm, store

# ------------------------------------------------------------------------------------- set-ups


def whole() -> None:
    """A huge page, mapped by a PMD and stored to at its end, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE + LAST_PAGE, 1)
    share_mm(1)


def in_part() -> None:
    """A huge page that PTEs map, stored to at its end, less its second page; two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE + LAST_PAGE, 1)
    madvise_dontneed(USER_BASE + PAGE_SIZE, PAGE_SIZE)
    share_mm(1)


def empty() -> None:
    """A mapping with nothing in it, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


# --------------------------------------------------------------------------------------- tasks


def zap_and_look() -> None:
    """Load a byte, throw everything away, and load the byte again: it must be gone."""
    load(USER_BASE + LAST_PAGE)
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)
    load(USER_BASE + LAST_PAGE)


SCENARIO = Scenario(
    name="zaps",
    title="memory is thrown away by two threads at once, or faulted in meanwhile",
    cases=(
        *crossed((whole, in_part), (zap,), (zap_and_look,)),
        *crossed((empty,), (zap,), (write,)),
    ),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    # batches of two pages: a page table of three is flushed in between
    config=Config.of(
        order=2, frames=16, tasks=2, mms=1, vmas=1, anon_vmas=2, avcs=2, tables=3, mmu_batch=2
    ),
    witnesses=(
        Witness("a huge PMD is zapped", zap_huge_pmd),
        Witness("PTEs are zapped", zap_pte_range),
    ),
    explanation=__doc__,
)
