"""A page is said to be broken twice by its process, and has a reference too many.

MADV_HWPOISON takes a reference for memory_failure(). If another thread was faster, and the page
known to be broken by then, nobody gave that reference back.
"""

from __future__ import annotations

from mmspec.kernels.changes import SECOND_FAILURE_PUTS_THE_PAGE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import refcount_equals_the_references
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import delete_from_lru_cache

BUG = Bug(
    fixed=SECOND_FAILURE_PUTS_THE_PAGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/inject/inject",),
    violates=refcount_equals_the_references,
    key_steps=(
        "inject: get_user_pages_fast",
        "inject: TestSetPageHWPoison",
        "inject: TestSetPageHWPoison",
    ),
    steps=59,
    states=1_629,
    exhausted=53_494,
    reached=(
        __split_huge_page,
        delete_from_lru_cache,
    ),
)
