"""A process is killed because memory is short, and its memory is taken before it has exited."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_13, v4_14
from mmspec.scenarios import moves
from mmspec.scenarios.moves import LAST_PAGE
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.memory import zap_pte_range
from mmspec.spec.page.mm_types import mms
from mmspec.spec.page.oom_kill import oom_reap_task
from mmspec.spec.page.syscalls import (
    boot,
    exit_mm,
    load,
    madvise_dontneed,
    mmap,
    oom_kill,
    share_mm,
    store,
)

# ------------------------------------------------------------------------------------- set-ups


def doomed() -> None:
    """A process with a huge page, which has been chosen to be killed."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    oom_kill()


def doomed_in_pieces() -> None:
    """The same; its huge page is mapped by PTEs, but for the last subpage."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    madvise_dontneed(USER_BASE + LAST_PAGE, PAGE_SIZE)
    oom_kill()


def doomed_together() -> None:
    """A process with a huge page, of two threads, which has been chosen to be killed."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    share_mm(1)
    oom_kill()


# --------------------------------------------------------------------------------------- tasks


def linger() -> None:
    """A thread goes on for a while, and then notices that it is killed."""
    load(USER_BASE)
    store(USER_BASE + PAGE_SIZE, 2)
    load(USER_BASE)
    exit_mm()


def heed() -> None:
    """A thread notices it at once."""
    exit_mm()


def reap() -> None:
    """The oom reaper."""
    oom_reap_task(mms[0])


SCENARIO = Scenario(
    name="reaped",
    title="the memory of a killed process is taken while it goes on, or exits",
    cases=(
        Case("doomed/linger/reap", doomed, (linger, reap)),
        Case("doomed_in_pieces/linger/reap", doomed_in_pieces, (linger, reap)),
        Case("doomed_together/linger/heed/reap", doomed_together, (linger, heed, reap)),
    ),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge page is reaped", zap_huge_pmd),
        Witness("base pages are reaped", zap_pte_range),
    ),
    explanation=__doc__,
)
