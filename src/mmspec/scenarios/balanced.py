"""NUMA balancing takes access to memory away, and moves it to where the next access comes from.

Processors take turns on nodes: the page is on node 0, and the program that runs on processor 1
brings it to node 1. The scanner has mmap_sem for reading only.
"""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_13, v4_14
from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.fair import task_numa_work
from mmspec.spec.page.huge_memory import do_huge_pmd_numa_page
from mmspec.spec.page.memory import do_numa_page
from mmspec.spec.page.migrate import migrate_misplaced_page, migrate_misplaced_transhuge_page
from mmspec.spec.page.syscalls import boot, load, mmap, share_mm, store

# ------------------------------------------------------------------------------------- set-ups


def untouched() -> None:
    """Room for a huge page, in a process of two threads that have not used it yet."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def crowd() -> None:
    """A huge page, mapped by a PMD, in a process of three threads; one has it in its TLB."""
    huge()
    share_mm(2)


def crowd_of_four() -> None:
    """The same, in a process of four threads."""
    crowd()
    share_mm(3)


def hinted() -> None:
    """The same, of two threads; the next access is a hint."""
    huge()
    task_numa_work()


def base_pages() -> None:
    """A base page, in a process of three threads; one has it in its TLB."""
    boot()
    mmap(USER_BASE, 2 * PAGE_SIZE)
    store(USER_BASE + PAGE_SIZE, 1)
    share_mm(1)
    share_mm(2)


# --------------------------------------------------------------------------------------- tasks


def scan() -> None:
    """Before it returns to user space the task takes access to all its memory away."""
    task_numa_work()


def use() -> None:
    """Load from a tail of the huge page."""
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="balanced",
    title="memory is brought to where it is used, while it is written to, split or thrown away",
    cases=(
        *crossed((untouched,), (write,), (scan,)),
        *crossed((huge,), (zap, zap_part, split, move), (scan,)),
        *crossed((hinted,), (use, write, zap, zap_part, split, move), (use,)),
        Case("crowd_of_four/write/use/scan/scan", crowd_of_four, (write, use, scan, scan)),
        *(
            Case(f"{s.__name__}/write/{task.__name__}/scan", s, (write, task, scan))
            for s, task in ((crowd, use), (base_pages, use), (base_pages, move))
        ),
    ),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config.with_(tasks=4),
    witnesses=(
        Witness("a huge page is used where it should be moved to", do_huge_pmd_numa_page),
        Witness("a huge page is moved to where it is used", migrate_misplaced_transhuge_page),
        Witness("a base page is used where it should be moved to", do_numa_page),
        Witness("a base page is moved to where it is used", migrate_misplaced_page),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty,),
)
