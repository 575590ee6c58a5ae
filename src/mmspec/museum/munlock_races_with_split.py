"""A huge page is split between munlock()'s looks at its flag and at its size.

munlock() cleared PG_mlocked, and then asked how many pages the page stands for, to take them off
NR_MLOCK. A split in between made one of many, and could hand the flag on to tails after it had been
cleared in the head.
"""

from __future__ import annotations

from mmspec.kernels.changes import MUNLOCK_UNDER_LRU_LOCK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import mlocked_pages_are_counted
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.mlock_vmas import munlock_vma_pages_range

BUG = Bug(
    fixed=MUNLOCK_UNDER_LRU_LOCK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked/unlock/split", "locked/unlock/zap_part"),
    violates=mlocked_pages_are_counted,
    key_steps=(),
    steps=0,
    states=77_271,
    exhausted=77_236,
    reached=(
        munlock_vma_pages_range,
        __split_huge_page,
    ),
    not_here=(
        "since v4.5 a huge page is split under its page lock, which munlock() holds, and its PMDs' "
        "splits have cleared PG_mlocked before"
    ),
)
