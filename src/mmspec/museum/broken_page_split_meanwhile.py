"""A page that has been split off its huge page is split once more.

memory_failure() looked for the head before it had a reference to anything. A split that was on its
way made the broken page one of its own, to which it got its reference; the old head still looked
huge. It waited for the page's lock, and had a page taken apart that was not huge: a BUG, or with
no such checks the pages behind it taken for its tails.
"""

from __future__ import annotations

from mmspec.kernels.changes import FAILURE_FINDS_HEAD_BY_REFERENCE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import delete_from_lru_cache

BUG = Bug(
    fixed=FAILURE_FINDS_HEAD_BY_REFERENCE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/fail/split",),
    violates=no_assertion_fails,
    key_steps=(
        "fail: memory_failure",
        "split: __split_huge_page_tail",
        "fail: get_hwpoison_page",
        "split: unlock_page",
        "fail: split_huge_page_to_list",
    ),
    steps=326,
    states=19_351,
    exhausted=34_205,
    reached=(
        __split_huge_page,
        delete_from_lru_cache,
    ),
)
