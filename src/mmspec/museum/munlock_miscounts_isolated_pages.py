"""Mlocked pages are counted too high after munlock() met one that was just being moved.

munlock() clears PG_mlocked of several pages, takes them off the LRU, and then takes as many off
NR_MLOCK. A page that somebody else had isolated from the LRU already was left out of that, with its
flag cleared.
"""

from __future__ import annotations

from mmspec.kernels.changes import MUNLOCK_COUNTS_CLEARED_PAGES
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import mlocked_pages_are_counted
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.mlock_vmas import __munlock_pagevec

BUG = Bug(
    fixed=MUNLOCK_COUNTS_CLEARED_PAGES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked_small_family/unlock_small/move",),
    violates=mlocked_pages_are_counted,
    key_steps=(
        "move: isolate_lru_page",
        "unlock_small: __munlock_pagevec",
    ),
    steps=242,
    states=56_456,
    exhausted=199_109,
    reached=(
        __munlock_pagevec,
        remove_migration_pte,
    ),
)
