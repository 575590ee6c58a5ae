"""What mbind(2) is to move gets there, if nobody pins it.

That others look at the page, or that memory is short, is no reason for a move to fail.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.moves import family
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import bind, huge
from mmspec.spec.machine.sizes import USER_BASE
from mmspec.spec.page.huge_memory import deferred_split_scan, remove_migration_pmd
from mmspec.spec.page.syscalls import load


def read() -> None:
    """Load from the huge page."""
    load(USER_BASE)


def shrink() -> None:
    """Memory is short: the shrinker splits what waits to be split."""
    deferred_split_scan()


SCENARIO = Scenario(
    name="bound",
    title="a huge page is bound to another node while it is read, or memory is short",
    cases=(
        *crossed((family,), (bind,), (read,)),
        *crossed((huge,), (bind,), (shrink,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    # two passes instead of ten: they all can fail, however many there are
    config=Config.of(
        order=2, frames=24, tasks=3, mms=3, vmas=3, anon_vmas=3, avcs=6, tables=6, migrate_passes=2
    ),
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
    ),
    explanation=__doc__,
    also=(pages_are_on_the_nodes_they_are_bound_to,),
)
