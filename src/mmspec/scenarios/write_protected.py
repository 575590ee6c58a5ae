"""A process protects a huge page from stores by a userfaultfd, and the page is moved."""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_WP_OVER_THP_MIGRATION, USERFAULTFD_WP
from mmspec.kernels.releases import LATER_FIXES, v4_14
from mmspec.scenarios import filled
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.seed import write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import change_huge_pmd, remove_migration_pmd
from mmspec.spec.page.mm_types import VM_UFFD_WP
from mmspec.spec.page.syscalls import (
    boot,
    mmap,
    share_mm,
    store,
    uffd_register,
    uffd_unregister,
    uffd_writeprotect,
)
from mmspec.spec.page.userfault import userfaultfd_read


def _huge() -> None:
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    uffd_register(USER_BASE, VM_UFFD_WP)
    share_mm(1)
    share_mm(2)


def protected() -> None:
    """A huge page, protected, in a process of three threads."""
    _huge()
    uffd_writeprotect(USER_BASE, HPAGE_PMD_SIZE, True)


def unprotected() -> None:
    """A huge page in a process of three threads, which was protected, and is still read-only."""
    protected()
    uffd_writeprotect(USER_BASE, HPAGE_PMD_SIZE, False)


def protect_and_store() -> None:
    """Protect the huge page, and store to it: that waits for who serves."""
    uffd_writeprotect(USER_BASE, HPAGE_PMD_SIZE, True)
    store(USER_BASE, 2)


def allow() -> None:
    """Wait for a store to be reported, permit it, and all others from then on."""
    userfaultfd_read()
    uffd_writeprotect(USER_BASE, HPAGE_PMD_SIZE, False)
    # another store may be on its way to wait, with what it has seen before
    uffd_unregister(USER_BASE, HPAGE_PMD_SIZE)


_v4_14 = v4_14.with_(*LATER_FIXES, USERFAULTFD_WP)

SCENARIO = Scenario(
    name="write_protected",
    title="a huge page is protected from stores by a userfaultfd while it is moved",
    cases=(
        Case("protected/move/write/allow", protected, (move, write, allow)),
        Case(
            "unprotected/move/protect_and_store/allow",
            unprotected,
            (move, protect_and_store, allow),
        ),
    ),
    rows=(
        Row("v4.14 with uffd-wp", _v4_14, "with later fixes, and write protection as of v5.7"),
        Row("v4.14 with fixed uffd-wp", _v4_14.with_(UFFD_WP_OVER_THP_MIGRATION), "as of v6.3"),
    ),
    config=filled.SCENARIO.config,
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd),
        Witness("a huge page is protected", change_huge_pmd),
    ),
    explanation=__doc__,
)
