"""Memory is touched for the first time, or the first time since a fork, by two threads at once."""

from __future__ import annotations

from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move
from mmspec.scenarios.moves_shared import inherited
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import inherit, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __do_huge_pmd_anonymous_page
from mmspec.spec.page.syscalls import boot, load, mmap, share_mm, store


def untouched() -> None:
    """Memory for a huge page, in a process of two threads."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    share_mm(1)


def write_first_page() -> None:
    """Store to the first page."""
    store(USER_BASE, 3)


def look_twice() -> None:
    """Load from the second page, and again."""
    load(USER_BASE + PAGE_SIZE)
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="first_touch",
    title="memory is touched for the first time, or since a fork, by two threads",
    cases=(
        *crossed((untouched,), (write,), (write_first_page, zap, inherit, move)),
        *crossed((inherited,), (write,), (write_first_page, look_twice)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(Witness("a huge page is mapped", __do_huge_pmd_anonymous_page),),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty,),
)
