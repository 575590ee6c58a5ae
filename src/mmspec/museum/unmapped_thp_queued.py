"""A huge page waits to be split because nothing maps it.

A huge page that is mapped in part is queued to be split when memory is short. One that nothing maps
any more was queued, too, even while it was being moved. The shrinker took a reference on it, and it
could not move.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    UNMAPPED_THP_NOT_QUEUED,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.bound import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=UNMAPPED_THP_NOT_QUEUED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/bind/shrink",),
    violates=pages_are_on_the_nodes_they_are_bound_to,
    key_steps=(
        "bind: page_remove_anon_compound_rmap",
        "bind: deferred_split_huge_page",
        "shrink: get_page_unless_zero: writes _refcount",
    ),
    steps=221,
    states=2_276,
    exhausted=304,
    reached=(remove_migration_pmd,),
)
