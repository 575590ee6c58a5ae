"""A guest goes on using a huge page that NUMA balancing has brought elsewhere.

NUMA balancing moved a huge page by itself, without migration entries, and told no MMU notifiers
when it changed the PMD.
"""

from __future__ import annotations

from mmspec.kernels.changes import NUMA_THP_MIGRATION_NOTIFIES
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.guests import SCENARIO
from mmspec.spec.page.kvm_mmu import tdp_page_fault
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_THP_MIGRATION_NOTIFIES,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=("guest_of_three/scan/use/run",),
    violates=no_store_is_lost,
    key_steps=(),
    steps=0,
    states=21_510,
    exhausted=22_390,
    reached=(tdp_page_fault, migrate_misplaced_transhuge_page),
    not_here=(
        "whoever takes access away, so that NUMA balancing hears of the next use, has told MMU "
        "notifiers; until the page has moved a guest that looks it up gets no translation"
    ),
)
