"""A huge page is bound to a node that has room for its pages, but for no huge page."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.seed import NODE_1
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, PAGE_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import __split_huge_page, split_huge_pages_set
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.syscalls import boot, madvise_dontneed, mbind, mmap, store


def crowd() -> None:
    """Of both huge pages on node 1 one page each is in use; a third huge page is on node 0."""
    boot()
    mmap(USER_BASE, 2 * HPAGE_PMD_SIZE)
    mbind(USER_BASE, 2 * HPAGE_PMD_SIZE, NODE_1, 0)
    store(USER_BASE, 1)
    store(USER_BASE + HPAGE_PMD_SIZE, 2)
    madvise_dontneed(USER_BASE + PAGE_SIZE, HPAGE_PMD_SIZE - PAGE_SIZE)
    madvise_dontneed(USER_BASE + HPAGE_PMD_SIZE + PAGE_SIZE, HPAGE_PMD_SIZE - PAGE_SIZE)
    split_huge_pages_set()
    mmap(USER_BASE + 2 * HPAGE_PMD_SIZE, HPAGE_PMD_SIZE)
    store(USER_BASE + 2 * HPAGE_PMD_SIZE, 3)


def bind_third() -> None:
    """mbind(2) of the huge page to node 1."""
    mbind(USER_BASE + 2 * HPAGE_PMD_SIZE, HPAGE_PMD_SIZE, NODE_1, MPOL_MF_MOVE_ALL)


SCENARIO = Scenario(
    name="crowded",
    title="a huge page is bound to a node that has only base pages left",
    cases=(Case("crowd/bind_third", crowd, (bind_third,)),),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=Config.of(
        order=1,
        pmds=3,
        frames=8,
        tasks=1,
        mms=1,
        vmas=2,
        anon_vmas=2,
        avcs=2,
        tables=3,
        migrate_passes=2,
    ),
    witnesses=(Witness("a huge page is taken apart", __split_huge_page),),
    explanation=__doc__,
    also=(pages_are_on_the_nodes_they_are_bound_to,),
)
