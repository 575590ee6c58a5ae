"""A process fills in missing pages by itself, through a userfaultfd, while they are used."""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_FILL_WANTS_A_TABLE, USERFAULTFD_WP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config, derived
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.seed import write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.mm_types import VM_UFFD_MISSING, VM_UFFD_WP
from mmspec.spec.page.syscalls import (
    boot,
    load,
    mmap,
    share_mm,
    store,
    uffd_copy,
    uffd_register,
    uffd_unregister,
)
from mmspec.spec.page.userfault import userfaultfd_read
from mmspec.spec.page.userfaultfd import mcopy_atomic, mcopy_atomic_pte

SECOND: int = derived(lambda: USER_BASE + PAGE_SIZE)


def missing() -> None:
    """A process of three threads, which serves its faults where nothing is mapped."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    uffd_register(USER_BASE, VM_UFFD_MISSING)
    share_mm(1)
    share_mm(2)


def tracked() -> None:
    """A process of two threads, which is told of stores to what it write-protects."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    uffd_register(USER_BASE, VM_UFFD_WP)
    share_mm(1)


def serve() -> None:
    """Wait for a fault on the second page, fill it in, and do so no more."""
    userfaultfd_read()
    uffd_copy(SECOND, 5)
    uffd_unregister(USER_BASE, HPAGE_PMD_SIZE)


def fill() -> None:
    """Fill in the second page."""
    uffd_copy(SECOND, 5)


def use_and_drop() -> None:
    """Store, which maps a huge page, and throw it away."""
    store(SECOND, 2)
    load(SECOND)
    zap()


def use_and_move() -> None:
    """Store, which maps a huge page, and move it to another node."""
    store(SECOND, 2)
    move()


_WP = (USERFAULTFD_WP,)

SCENARIO = Scenario(
    name="filled",
    title="missing pages are filled in by the process while it uses and moves them",
    cases=(
        Case("missing/write/serve/move", missing, (write, serve, move)),
        Case("tracked/fill/use_and_drop", tracked, (fill, use_and_drop), _WP),
        Case("tracked/fill/use_and_move", tracked, (fill, use_and_move), _WP),
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
        Row(
            "v4.14 with uffd-wp",
            v4_14.with_(*LATER_FIXES, USERFAULTFD_WP, UFFD_FILL_WANTS_A_TABLE),
            "the same, and v5.7's write protection",
        ),
    ),
    config=Config.of(
        order=2,
        frames=24,
        tasks=3,
        mms=1,
        vmas=1,
        anon_vmas=1,
        avcs=1,
        tables=3,
        migrate_passes=4,
        userfaultfds=1,
    ),
    witnesses=(
        Witness("a page is filled in", mcopy_atomic_pte),
        Witness("a page is to be filled in", mcopy_atomic),
    ),
    explanation=__doc__,
)
