"""Memory is moved to another address by mremap(2) while its pages are moved or split.

mremap(2) has mmap_sem for writing. Who comes by the reverse map has no mmap_sem: another process
that shares the pages and migrates them, or a split by debugfs.
"""

from __future__ import annotations

from mmspec.kernels.drafts import NEW_VMA_VISITED_FIRST
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config, derived
from mmspec.properties.marks import what_was_stored_to_is_soft_dirty
from mmspec.scenarios.moves import move
from mmspec.scenarios.moves_shared import move_back
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.cpu import cpu_load
from mmspec.spec.page.mempolicy import MPOL_MF_MOVE_ALL
from mmspec.spec.page.mremap import move_huge_pmd, move_ptes
from mmspec.spec.page.syscalls import (
    boot,
    clear_refs,
    fork,
    load,
    migrate_pages,
    mmap,
    mmap_nohugepage,
    mremap,
    share_mm,
    store,
)

ELSEWHERE: int = derived(lambda: USER_BASE + HPAGE_PMD_SIZE)

# ------------------------------------------------------------------------------------- set-ups


def dirty() -> None:
    """A huge page of two processes, dirty in the page table and the TLB of the parent."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)
    load(USER_BASE)


def clean() -> None:
    """The same, but clean, since it was moved to node 1 before."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    migrate_pages(0, 1, MPOL_MF_MOVE_ALL)
    fork(1)
    load(USER_BASE)


def tracked() -> None:
    """A huge page of two processes; soft-dirty bits have been cleared in the parent."""
    boot()
    mmap(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)
    clear_refs()


def base() -> None:
    """A base page of two processes; the parent has two threads."""
    boot()
    mmap_nohugepage(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)
    share_mm(2)
    load(USER_BASE)


# --------------------------------------------------------------------------------------- tasks


def remap() -> None:
    """mremap(2), and a load at the new address. All that was moved counts as written."""
    mremap(USER_BASE, HPAGE_PMD_SIZE, ELSEWHERE)
    load(ELSEWHERE)


def glance() -> None:
    """One load at the new address, if the processor can do it without the kernel's help."""
    cpu_load(ELSEWHERE)


SCENARIO = Scenario(
    name="remaps",
    title="memory is moved to another address while its pages are moved or split",
    cases=(
        *crossed((dirty, tracked, base), (remap,), (move,)),
        *crossed((clean,), (remap,), (move_back,)),
        *crossed((huge,), (remap,), (split,)),
        Case("base/remap/move/glance", base, (remap, move, glance)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
        Row(
            "new place first",
            v4_14.with_(*LATER_FIXES, NEW_VMA_VISITED_FIRST),
            "the same; the reverse map visits the new place first",
            "is the order of visits what mremap(2) relies on?",
        ),
    ),
    config=Config.of(
        order=2,
        pmds=2,
        frames=24,
        tasks=3,
        mms=2,
        vmas=4,
        anon_vmas=3,
        avcs=6,
        tables=6,
        migrate_passes=4,
    ),
    witnesses=(
        Witness("a huge PMD is moved", move_huge_pmd),
        Witness("PTEs are moved", move_ptes),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_soft_dirty,),
)
