"""KSM merges a page to which another processor can still store.

ksmd makes a page read-only, and flushes, before it compares it once more and replaces it; where it
found the entry clean and read-only it did neither. MADV_FREE makes entries clean and clear_refs
makes them read-only, both with mmap_sem for reading, and both flush later: until then a processor
stores by what its TLB has, with no look at the entry. What it stored after the comparison was lost.

MADV_FREE may drop what is stored while it is under way; but zeroes are left then, and not what was
there before the store. (Here the two look alike: MADV_FREE makes what a page holds zero at once.)
"""

from __future__ import annotations

from mmspec.kernels.changes import KSM_HEEDS_PENDING_FLUSHES
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.merged_cleared import SCENARIO
from mmspec.spec.page.ksmd import replace_page
from mmspec.spec.page.madvise import madvise_free_pte

BUG = Bug(
    fixed=KSM_HEEDS_PENDING_FLUSHES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("joined_again/write/free/clear/merge",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "free: madvise_free_pte: writes val",
        "clear: clear_soft_dirty: writes val",
        "merge: _write_protect_pte: reads val",
        "merge: pages_identical",
        "write: cpu_store: writes data",
        "merge: replace_page",
    ),
    steps=178,
    states=914_298,
    exhausted=1_823_655,
    reached=(replace_page, madvise_free_pte),
)
