"""A base page is moved while a processor can still write to the old one.

To unmap a PTE that denies access needs no flush, it was thought: no TLB has it. But what it was
before may still be in a TLB, if the scanner that took access away has not flushed yet.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PENDING_FLUSHES_ARE_NOTED,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.mprotect import change_pte_range
from mmspec.spec.page.rmap import try_to_unmap_one

BUG = Bug(
    fixed=PENDING_FLUSHES_ARE_NOTED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base_pages/write/move/scan",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "scan: change_pte_range",
        "move: try_to_unmap_one",
        "move: copy_moved_highpage",
    ),
    steps=97,
    states=15_975,
    exhausted=193_294,
    reached=(
        try_to_unmap_one,
        change_pte_range,
    ),
)
