"""A huge page that waits to be split is moved, and forgotten.

A huge page that is partly unmapped waits on a list to be split when memory is short. The page it
was moved to was on no list: the memory of its unused part was lost until the rest was unmapped.
One task is enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_SPLITS_QUEUED_THP,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import partly_mapped_huge_pages_are_queued
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=MIGRATION_SPLITS_QUEUED_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/move",),
    violates=partly_mapped_huge_pages_are_queued,
    key_steps=(
        "move: move_to_new_page",
        "move: remove_migration_pte: writes val",
        "move: free_transhuge_page",
    ),
    steps=275,
    states=276,
    exhausted=681,
    reached=(__split_huge_page,),
)
