"""Whether a flush is pending is asked without the PMD's lock.

The question had been moved to just before the copy, where the lock has been dropped. On processors
that reorder memory accesses the answer can be older than the PMD that was read.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_FAULT_FLUSHES_UNDER_LOCK,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_FAULT_FLUSHES_UNDER_LOCK,
    kernel=v4_10_fixed,
    scenario=SCENARIO,
    cases=("crowd/write/use/scan",),
    violates=no_store_is_lost,
    key_steps=(),
    steps=0,
    states=9_472,
    exhausted=9_446,
    reached=(migrate_misplaced_transhuge_page,),
    not_here=(
        "Accesses are sequentially consistent here. Who has seen the hint is answered that a "
        "flush is pending, or the flush has been done."
    ),
)
