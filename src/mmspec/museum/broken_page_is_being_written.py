"""A page leaves the swap cache while it is being written to the swap file.

A page that is on no LRU was thought to be nobody's of interest: memory_failure() did not wait for
it to be written. Reclaim has a page isolated while it writes it, unlocked and clean already; it was
taken out of the swap cache under the disk's hands. (What came with the same release makes
memory_failure() leave alone whatever is on no LRU from the start, and is taken out here, too.)
"""

from __future__ import annotations

from mmspec.kernels.changes import FAILURE_LEAVES_NEW_PAGES_ALONE, FAILURE_WAITS_FOR_WRITEBACK
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.poisoned import SCENARIO
from mmspec.spec.page.memory_failure import delete_from_lru_cache
from mmspec.spec.page.page_io import swap_writepage

BUG = Bug(
    fixed=FAILURE_WAITS_FOR_WRITEBACK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/fail_head/reclaim",),
    violates=no_assertion_fails,
    key_steps=(
        "reclaim: isolate_lru_pages",
        "reclaim: swap_writepage",
        "fail_head: lock_page",
        "fail_head: __delete_from_swap_cache",
    ),
    steps=124,
    states=4_774,
    exhausted=4_730,
    reached=(
        swap_writepage,
        delete_from_lru_cache,
    ),
    with_it=(FAILURE_LEAVES_NEW_PAGES_ALONE,),
)
