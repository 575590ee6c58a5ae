"""Base pages are written to, inherited, thrown away and moved: no huge page is there."""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.properties.marks import (
    no_processor_can_store_where_the_VMA_forbids_it,
    what_was_stored_to_is_dirty,
)
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit
from mmspec.scenarios.tracked import track
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.memory import wp_page_copy
from mmspec.spec.page.migrate import migration_entry_wait, remove_migration_pte
from mmspec.spec.page.mm_types import VM_READ
from mmspec.spec.page.rmap import page_move_anon_rmap
from mmspec.spec.page.syscalls import (
    boot,
    fork,
    load,
    madvise_dontneed,
    mmap,
    mprotect,
    munmap,
    share_mm,
    store,
)

# ------------------------------------------------------------------------------------- set-ups


def page() -> None:
    """A base page, in a process of two threads."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    share_mm(1)


def shared_page() -> None:
    """A base page that parent and child share."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    fork(1)


def shared_by_threads() -> None:
    """A base page of a process of two threads and of its child, which sleeps."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 1)
    fork(2)
    share_mm(1)


def nothing() -> None:
    """Memory that was never touched, in a process of two threads."""
    boot()
    mmap(USER_BASE, PAGE_SIZE)
    share_mm(1)


# --------------------------------------------------------------------------------------- tasks


def write_here() -> None:
    """Store to the page, and look whether it is there."""
    store(USER_BASE, 2)
    load(USER_BASE)


def read_here() -> None:
    """Load from the page."""
    load(USER_BASE)


def look_twice() -> None:
    """Load from the page, and again."""
    load(USER_BASE)
    load(USER_BASE)


def zap_here() -> None:
    """madvise(MADV_DONTNEED)."""
    madvise_dontneed(USER_BASE, PAGE_SIZE)


def unmap_here() -> None:
    """munmap(2)."""
    munmap(USER_BASE, PAGE_SIZE)


def protect_here() -> None:
    """mprotect(2): from now on it can only be read."""
    mprotect(USER_BASE, PAGE_SIZE, VM_READ)


SCENARIO = Scenario(
    name="base_pages",
    title="base pages are written to, inherited, thrown away and moved",
    cases=(
        *crossed((shared_page,), (write_here,), (write_here, zap_here, unmap_here, inherit)),
        *crossed((shared_page,), (move,), (write_here, inherit, unmap_here)),
        *crossed((page,), (inherit,), (write_here, zap_here)),
        *crossed((page,), (move,), (write_here, zap_here, inherit)),
        *crossed((page,), (track, protect_here), (write_here,)),
        *crossed((shared_by_threads,), (write_here,), (write_here, look_twice)),
        *crossed((nothing,), (write_here,), (read_here,)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=1, frames=12, tasks=3, mms=3, vmas=3, anon_vmas=4, avcs=9, tables=4, migrate_passes=4
    ),
    witnesses=(
        Witness("a page is copied", wp_page_copy),
        Witness("a page is reused", page_move_anon_rmap),
        Witness("a fault waits for a migration entry", migration_entry_wait),
        Witness("a migration entry becomes a mapping", remove_migration_pte),
    ),
    explanation=__doc__,
    also=(
        no_processor_can_store_where_the_VMA_forbids_it,
        what_was_stored_to_is_dirty,
    ),
)
