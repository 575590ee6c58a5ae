"""A huge page stays where it may not be, because only base pages are left elsewhere.

Migration ended, with everything that was still on its list, when there was no huge page to move a
huge one to. Now it is split onto the list, and its pages move one by one.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_SPLITS_QUEUED_THP,
    MIGRATION_SPLITS_WHAT_HAS_NO_ROOM,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.crowded import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=MIGRATION_SPLITS_WHAT_HAS_NO_ROOM,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("crowd/bind_third",),
    violates=pages_are_on_the_nodes_they_are_bound_to,
    key_steps=(
        "bind_third: alloc_pages_vma",
        "bind_third: putback_movable_pages",
    ),
    steps=28,
    states=29,
    exhausted=440,
    reached=(__split_huge_page,),
    with_it=(MIGRATION_SPLITS_QUEUED_THP,),
)
