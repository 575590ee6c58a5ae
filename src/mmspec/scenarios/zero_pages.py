"""Zero pages: read by who never wrote there, and written to by nobody.

A read fault maps the huge zero page, if there is room for a huge page. It is one for all, counted
apart from other pages, and freed when memory is short and nobody uses it.
"""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked
from mmspec.spec.page.huge_zero_page import get_huge_zero_page, shrink_huge_zero_page_scan
from mmspec.spec.page.syscalls import (
    boot,
    device_load,
    load,
    madvise_dontneed,
    mmap,
    mmap_readonly,
    peek,
    pin_user_page,
    poke,
    share_mm,
    store,
    unpin,
)

# ------------------------------------------------------------------------------------- set-ups


def read_only() -> None:
    """Nothing yet, in a process of two threads that may only read it."""
    boot()
    mmap_readonly(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def zero() -> None:
    """The huge zero page, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    load(USER_BASE)
    share_mm(1)


def no_longer_zero() -> None:
    """A huge page where the huge zero page was, which the process still counts as used."""
    zero()
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)


# --------------------------------------------------------------------------------------- tasks


def debug() -> None:
    """Write to /proc/self/mem, which may write where the process may not."""
    poke(USER_BASE, 5)


def zap_and_look() -> None:
    """Throw everything away, and read /proc/self/mem."""
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)
    peek(USER_BASE)


def zap_and_shrink() -> None:
    """Throw everything away; and then memory is short."""
    madvise_dontneed(USER_BASE, HPAGE_PMD_SIZE)
    shrink_huge_zero_page_scan()


def shrink() -> None:
    """Memory is short."""
    shrink_huge_zero_page_scan()


def read() -> None:
    """Load a byte."""
    load(USER_BASE)


def splice_and_write() -> None:
    """Let a device read what is there, and store to it meanwhile."""
    if pin_user_page(USER_BASE, False):
        store(USER_BASE, 4)
        device_load(USER_BASE)
        unpin(False)


SCENARIO = Scenario(
    name="zero_pages",
    title="zero pages are read, written to, split, inherited, thrown away and freed",
    cases=(
        Case("read_only/debug", read_only, (debug,)),
        *crossed((read_only,), (debug,), (zap, zap_and_look)),
        *crossed((zero,), (write, read), (zap_and_shrink, zap_part, inherit)),
        *crossed((zero,), (shrink,), (zap,)),
        *crossed((zero,), (zap_and_shrink,), (zap_and_shrink, inherit)),
        *crossed((zero,), (splice_and_write,), (zap_and_shrink, write, inherit)),
        *crossed((zero, no_longer_zero), (move,), (zap,)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=2,
        frames=24,
        tasks=3,
        mms=3,
        vmas=3,
        anon_vmas=3,
        avcs=6,
        tables=6,
        use_zero_page=1,
        pins=1,
    ),
    witnesses=(
        Witness("the huge zero page is used", get_huge_zero_page),
        Witness("a huge PMD is split", __split_huge_pmd_locked),
    ),
    explanation=__doc__,
)
