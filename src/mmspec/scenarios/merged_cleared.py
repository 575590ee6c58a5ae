"""KSM merges a page that others have just made clean and read-only, and have not flushed yet.

What takes the write bit is clear_refs, what takes the dirty bit is MADV_FREE; both have mmap_sem
for reading, as ksmd has, and flush when they are done.
"""

from __future__ import annotations

from mmspec.scenarios import merged
from mmspec.scenarios.merged import merge
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.ksmd import replace_page
from mmspec.spec.page.madvise import madvise_free_pte
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    ksmd,
    madvise_free,
    madvise_mergeable,
    mmap_nohugepage,
    share_mm,
    store,
)

# ------------------------------------------------------------------------------------- set-ups


def joined_again() -> None:
    """A merged page, and another that has got the same contents, in a process of three threads."""
    boot()
    mmap_nohugepage(USER_BASE, 2 * PAGE_SIZE)
    store(USER_BASE, 0)
    store(USER_BASE + PAGE_SIZE, 0)
    madvise_mergeable(USER_BASE, 2 * PAGE_SIZE)
    ksmd()
    ksmd()
    store(USER_BASE, 0)
    share_mm(1)
    share_mm(2)


# --------------------------------------------------------------------------------------- tasks


def write() -> None:
    """Store to the first page."""
    store(USER_BASE, 2)


def free() -> None:
    """madvise(MADV_FREE) of the first page."""
    madvise_free(USER_BASE, PAGE_SIZE)


def clear() -> None:
    """Write 4 to /proc/self/clear_refs."""
    clear_refs()


SCENARIO = Scenario(
    name="merged_cleared",
    title="a page is merged while it is written to, given to MADV_FREE and made clean",
    cases=(Case("joined_again/write/free/clear/merge", joined_again, (write, free, clear, merge)),),
    rows=USUAL_ROWS,
    config=merged.SCENARIO.config.with_(tasks=4),
    witnesses=(
        Witness("a page is replaced by a merged one", replace_page),
        Witness("a page is given to MADV_FREE", madvise_free_pte),
    ),
    explanation=__doc__,
)
