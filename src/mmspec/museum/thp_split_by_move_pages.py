"""move_pages(2) splits the huge page that it moves.

It followed the address with FOLL_SPLIT: one page moved to the other node, the others stayed, and
the huge page was gone.
"""

from __future__ import annotations

from mmspec.kernels.changes import MOVE_PAGES_MOVES_THP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import huge_pages_stay_huge
from mmspec.scenarios.moved_whole import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=MOVE_PAGES_MOVES_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move_each",),
    violates=huge_pages_stay_huge,
    key_steps=("move_each: follow_page", "move_each: __split_huge_page"),
    steps=447,
    states=448,
    exhausted=156,
    reached=(remove_migration_pmd,),
)
