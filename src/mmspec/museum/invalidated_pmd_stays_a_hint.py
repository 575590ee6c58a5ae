"""A huge PMD that is being split still looks like a NUMA hint.

pmdp_invalidate() cleared the hint in a copy of the entry, and stored back the original.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    INVALIDATED_PMD_IS_NO_HINT,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=INVALIDATED_PMD_IS_NO_HINT,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=(
        "hinted/zap_part/use",
        "hinted/split/use",
        "hinted/move/use",
    ),
    violates=no_assertion_fails,
    key_steps=(),
    steps=0,
    states=60_594,
    exhausted=61_051,
    reached=(
        migrate_misplaced_transhuge_page,
        __split_huge_pmd_locked,
    ),
    not_here=(
        "A PMD is invalid only under its lock. Who takes it for a hint waits for the lock, and "
        "then finds that it has changed."
    ),
)
