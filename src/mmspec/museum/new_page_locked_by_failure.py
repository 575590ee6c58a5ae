"""A page that is new is locked by somebody who thinks that it is broken.

Who has just allocated a page knows that nobody else has it, and locks it without looking whether it
is locked. memory_failure() took any page that had a reference, and locked it: both had it locked
then, and the first to unlock it did so for both.
"""

from __future__ import annotations

from mmspec.kernels.changes import FAILURE_LEAVES_NEW_PAGES_ALONE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.memory_failure import delete_from_lru_cache
from mmspec.spec.page.page_io import swap_readpage

BUG = Bug(
    fixed=FAILURE_LEAVES_NEW_PAGES_ALONE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("out/fail_head/write",),
    violates=no_assertion_fails,
    key_steps=(
        "write: alloc_pages_nodemask",
        "fail_head: lock_page",
        "write: SetPageLocked",
        "fail_head: unlock_page",
        "write: __add_to_swap_cache",
    ),
    steps=40,
    states=743,
    exhausted=3_448,
    reached=(
        delete_from_lru_cache,
        swap_readpage,
    ),
)
