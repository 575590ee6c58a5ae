"""The first frame of a huge page is broken, and all of its pages are given up.

Whether a page is broken was asked of the head of the huge page that it is part of. A huge page that
PTEs map is unmapped to be split: with a broken head each of its pages was taken for broken. Poison
entries replaced the mappings of all, nothing put the good ones back, and what they held was lost.
"""

from __future__ import annotations

from mmspec.kernels.changes import POISON_IS_THE_SUBPAGES
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import poison_entries_name_broken_frames
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import delete_from_lru_cache

BUG = Bug(
    fixed=POISON_IS_THE_SUBPAGES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/fail_head",),
    violates=poison_entries_name_broken_frames,
    key_steps=(
        "fail_head: memory_failure",
        "fail_head: split_huge_page_to_list",
        "fail_head: try_to_unmap_one: writes val",
    ),
    steps=84,
    states=85,
    exhausted=325,
    reached=(
        __split_huge_page,
        delete_from_lru_cache,
    ),
)
