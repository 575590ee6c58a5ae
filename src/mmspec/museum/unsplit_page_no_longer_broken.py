"""A page is unmapped because it is broken, and then it is not.

To be split, a huge page is unmapped first; a page that is broken is not mapped again, but a poison
entry takes its place. If then somebody else's reference kept the huge page from being split,
memory_failure() said that the page was good again: it was lost to its process for nothing.
"""

from __future__ import annotations

from mmspec.kernels.changes import UNSPLIT_PAGE_STAYS_POISONED
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import poison_entries_name_broken_frames
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import delete_from_lru_cache

BUG = Bug(
    fixed=UNSPLIT_PAGE_STAYS_POISONED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/fail/split",),
    violates=poison_entries_name_broken_frames,
    key_steps=(
        "fail: try_to_unmap_one: writes val",
        "split: split_huge_pages_set",
        "fail: unfreeze_page",
        "fail: memory_failure: writes flags",
    ),
    steps=227,
    states=14_458,
    exhausted=33_806,
    reached=(
        __split_huge_page,
        delete_from_lru_cache,
    ),
)
