"""A huge page that a locked PMD maps, and PTEs of a child, is moved and then split.

Not checked: that statistics return to zero. migrate_pages() puts back a PMD and PTEs of one new
page, and does not set PG_double_map for it: NR_ANON_MAPPED counts both. When the PMD is split the
page is counted too often, for good. No kernel here has a fix for that.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.properties.accounts import statistics_return_to_zero
from mmspec.properties.marks import no_huge_page_that_PTEs_map_is_mlocked
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.syscalls import boot, fork, mmap_locked, store


def locked() -> None:
    """A huge page, mapped by PMDs in two processes; in the parent the mapping is locked."""
    boot()
    mmap_locked(USER_BASE, HPAGE_PMD_SIZE)
    store(USER_BASE, 1)
    fork(1)


SCENARIO = Scenario(
    name="moves_locked",
    title="a huge page is moved that is locked in one process and partly unmapped in another",
    cases=crossed((locked,), (move,), (zap_part,)),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
    ),
    explanation=__doc__,
    also=(no_huge_page_that_PTEs_map_is_mlocked,),
    violated_anyway=(statistics_return_to_zero,),
)
