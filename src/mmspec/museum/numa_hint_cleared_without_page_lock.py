"""A NUMA hint is cleared without the page lock that keeps off who would move the page.

A fault found that the huge page was where it should be, dropped the page lock, and only then made
the PMD accessible. Another fault could take the lock meanwhile, and begin to move the page.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_HINT_CLEARED_UNDER_PAGE_LOCK,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_HINT_CLEARED_UNDER_PAGE_LOCK,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=(
        "hinted/use/use",
        "hinted/write/use",
        "crowd/write/use/scan",
    ),
    violates=no_store_is_lost,
    key_steps=(),
    steps=0,
    states=12_205,
    exhausted=12_321,
    reached=(migrate_misplaced_transhuge_page,),
    not_here=(
        "The PMD's lock is held all the time: who gets the page lock early looks at the PMD once "
        "more before the page is copied. The fix was made on suspicion, as its message says."
    ),
)
