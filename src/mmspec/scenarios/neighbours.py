"""A base page of one process and a huge page of another, at the same place of one anon_vma's tree.

Who looks for the base page by the reverse map comes to both, and meets a huge PMD that its owner
may be replacing.
"""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_10_fixed, v4_13, v4_14
from mmspec.scenarios import moves
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.migrate import migrate_page_move_mapping
from mmspec.spec.page.syscalls import boot, fork, madvise_dontneed, mmap, move_pages, store


def renewed() -> None:
    """A huge page that parent and child share; the parent has a new base page in place of a part.

    The parent maps the others by PTEs, the child all by a PMD.
    """
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)
    madvise_dontneed(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 3)


def move_first() -> None:
    """move_pages(2) of the first page to the other node."""
    move_pages(USER_BASE, 1, 1, True)


SCENARIO = Scenario(
    name="neighbours",
    title="a base page is moved while another process writes to a huge page at the same place",
    cases=crossed((renewed,), (move_first,), (write, zap)),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.10 fixed", v4_10_fixed, "with later fixes"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(Witness("a base page is moved", migrate_page_move_mapping),),
    explanation=__doc__,
)
