"""Pages are pinned: a device stores to them, or reads them, as the process would.

What it stores must be seen by the process, and by no other; what it reads must be what the process
had there, and nothing that another process stored.
"""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.scenarios.balanced import hinted, scan, use
from mmspec.scenarios.moves import family, move, zap_part
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, inherit, split, zap
from mmspec.scenarios.tracked import track
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.fair import task_numa_work
from mmspec.spec.page.gup import follow_page, gup_huge_pmd
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    device_load,
    device_store,
    fork,
    load,
    mmap,
    munmap,
    pin_user_page,
    poke,
    share_mm,
    store,
    unpin,
)

# ------------------------------------------------------------------------------------- set-ups


def base() -> None:
    """A base page, in a process of two threads."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def registered() -> None:
    """The same, and the page is pinned."""
    base()
    pin_user_page(USER_BASE, True)


def base_family() -> None:
    """A base page of two processes, parent and child."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    fork(1)


# --------------------------------------------------------------------------------------- tasks


def direct_io() -> None:
    """read(2) with O_DIRECT, while the process stores to the same page."""
    if pin_user_page(USER_BASE, True):
        store(USER_BASE, 2)
        device_store(USER_BASE, 3)
        load(USER_BASE)
        unpin(True)


def track_and_io() -> None:
    """The same; soft-dirty bits are cleared meanwhile."""
    if pin_user_page(USER_BASE, True):
        clear_refs()
        store(USER_BASE, 2)
        device_store(USER_BASE, 3)
        load(USER_BASE)
        unpin(True)


def balance_and_io() -> None:
    """Process and device store to a page that is pinned, after NUMA balancing has looked at it."""
    task_numa_work()
    store(USER_BASE, 2)
    device_store(USER_BASE, 3)
    load(USER_BASE)
    unpin(True)


def balance_and_look() -> None:
    """NUMA balancing takes access away; the next access finds out that the page is elsewhere."""
    task_numa_work()
    load(USER_BASE)


def splice() -> None:
    """vmsplice(2) and munmap(2); what went into the pipe is read afterwards."""
    if pin_user_page(USER_BASE, False):
        munmap(USER_BASE, HPAGE_PMD_SIZE)
        device_load(USER_BASE)
        unpin(False)


def rewrite() -> None:
    """A debugger stores to a tail, by /proc/PID/mem, and looks whether it is there."""
    poke(USER_BASE + PAGE_SIZE, 2)
    load(USER_BASE + PAGE_SIZE)


def write_first() -> None:
    """Store to the first page, and look whether it is there."""
    store(USER_BASE, 2)
    load(USER_BASE)


SCENARIO = Scenario(
    name="pinned",
    title="pinned pages are written to, moved, split, thrown away and inherited",
    cases=(
        Case("base/track_and_io", base, (track_and_io,)),
        Case("huge/track_and_io", huge, (track_and_io,)),
        *crossed((base,), (direct_io,), (inherit, move, scan)),
        *crossed((registered,), (balance_and_io,), (move, balance_and_look)),
        *crossed((huge,), (direct_io,), (move, split, zap, zap_part, track, inherit)),
        *crossed((hinted,), (direct_io, rewrite), (use,)),
        *crossed((base_family, family), (write_first,), (splice, direct_io)),
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
        migrate_passes=4,
        pins=1,
    ),
    witnesses=(
        Witness("a huge page is pinned without locks", gup_huge_pmd),
        Witness("a page is pinned with locks", follow_page),
    ),
    explanation=__doc__,
)
