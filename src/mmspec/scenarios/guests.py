"""A huge page is moved, split, inherited and thrown away while a guest uses it.

The guest has translations of its own, filled through the process's page tables, and drops them when
MMU notifiers tell it to.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.scenarios.balanced import scan, use
from mmspec.scenarios.moves import LAST_PAGE, move, zap_part
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, split, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.kvm_mmu import tdp_page_fault
from mmspec.spec.page.syscalls import (
    boot,
    guest_store,
    kvm_create,
    load,
    madvise_dontneed,
    mmap,
    share_mm,
    store,
)


def guest() -> None:
    """A huge page in a process of two threads, and a guest that has used its second page."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)
    kvm_create()
    guest_store(USER_BASE + PAGE_SIZE, 2)


def guest_of_three() -> None:
    """The same, with another thread."""
    guest()
    share_mm(2)


def guest_small() -> None:
    """The same, mapped by PTEs but for its last page, which has been thrown away."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    madvise_dontneed(USER_BASE + LAST_PAGE, PAGE_SIZE)
    share_mm(1)
    kvm_create()
    guest_store(USER_BASE + PAGE_SIZE, 2)


def run() -> None:
    """The guest stores to the page again, and the process reads that."""
    guest_store(USER_BASE + PAGE_SIZE, 3)
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="guests",
    title="a huge page is moved, split, zapped or inherited while a guest uses it",
    cases=(
        *crossed((guest, guest_small), (move, split, zap, zap_part, inherit), (run,)),
        Case("guest_of_three/scan/use/run", guest_of_three, (scan, use, run)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=Config.of(
        order=2,
        frames=24,
        tasks=3,
        mms=2,
        vmas=2,
        anon_vmas=2,
        avcs=4,
        tables=4,
        guests=1,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
        Witness("a guest faults", tdp_page_fault),
    ),
    explanation=__doc__,
)
