"""A huge PMD that is being split is taken for one that is not present.

While it is split, or if access to it is denied, the present bit is clear. Who looked at that bit
alone took the PMD for something else: here, a fault takes it for a migration entry.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_PRESENT_WHILE_HUGE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.splits import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMD_PRESENT_WHILE_HUGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap_part/write",),
    violates=no_assertion_fails,
    key_steps=(
        "zap_part: pmdp_invalidate",
        "write: __handle_mm_fault",
    ),
    steps=15,
    states=54,
    exhausted=984,
    reached=(__split_huge_pmd_locked,),
)
