"""MADV_FREE frees a page that it has locked.

To throw away a part of a huge page that PTEs map, it splits the page, under the page lock and with
a reference of its own. It then dropped the reference first and unlocked second. Where MADV_DONTNEED
has unmapped the page meanwhile, that was the last reference.
"""

from __future__ import annotations

from mmspec.kernels.changes import MADV_FREE_UNLOCKS_WHAT_IT_HOLDS
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_page_is_freed_in_a_bad_state
from mmspec.scenarios.lazyfree import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.madvise import madvise_free_pte_range

BUG = Bug(
    fixed=MADV_FREE_UNLOCKS_WHAT_IT_HOLDS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/give_away/zap",),
    violates=no_page_is_freed_in_a_bad_state,
    key_steps=(
        "give_away: trylock_page",
        "zap: zap_pte_range: writes val",
        "zap: put_page",
        "give_away: __split_huge_page",
        "give_away: put_page",
    ),
    steps=272,
    states=8_356,
    exhausted=12_143,
    reached=(__split_huge_page, madvise_free_pte_range),
)
