"""move_pages() isolates a tail.

An address inside a huge page leads to a tail, and tails are on no LRU list: it is the head that has
to be isolated and moved. No release had this fault; a part of the commit is taken out.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MOVE_PAGES_MOVES_THP,
)
from mmspec.kernels.drafts import MOVE_PAGES_ISOLATES_TAIL
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=MOVE_PAGES_MOVES_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move_tail",),
    violates=no_assertion_fails,
    key_steps=(
        "move_tail: follow_trans_huge_pmd",
        "move_tail: isolate_lru_page",
        "move_tail: hpage_nr_pages",
    ),
    steps=16,
    states=17,
    exhausted=156,
    reached=(remove_migration_pmd,),
    mutant=MOVE_PAGES_ISOLATES_TAIL,
)
