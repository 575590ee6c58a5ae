"""A frame fails twice, and the second failure is said to be seen to before the first is.

Who said that a frame is broken that was known to be was told that all is well. But the first who
said so was still at it, or had given up: the page was mapped as before. A processor that had met
the frame met it again, and again.
"""

from __future__ import annotations

from mmspec.kernels.changes import SECOND_FAILURE_IS_AN_ERROR
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import nobody_reaches_a_page_that_was_given_up
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import delete_from_lru_cache

BUG = Bug(
    fixed=SECOND_FAILURE_IS_AN_ERROR,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/fail/fail",),
    violates=nobody_reaches_a_page_that_was_given_up,
    key_steps=(
        "fail: TestSetPageHWPoison",
        "fail: TestSetPageHWPoison",
        "fail: store_hard_offline_page",
    ),
    steps=3,
    states=10,
    exhausted=1_664,
    reached=(
        __split_huge_page,
        delete_from_lru_cache,
    ),
)
