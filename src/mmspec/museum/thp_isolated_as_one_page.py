"""Hot-remove counts a huge page that it isolates as one page.

migrate_pages() takes all of it off the count again: the number of isolated pages becomes negative,
and reclaim, which looks at it to see whether too much is isolated, is misled for good.
"""

from __future__ import annotations

from mmspec.kernels.changes import HOTREMOVE_COUNTS_WHAT_IT_ISOLATES
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import statistics_return_to_zero
from mmspec.scenarios.offlined import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.memory_hotplug import do_migrate_range

BUG = Bug(
    fixed=HOTREMOVE_COUNTS_WHAT_IT_ISOLATES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/offline",),
    violates=statistics_return_to_zero,
    key_steps=("offline: do_migrate_range", "offline: set_pmd_migration_entry: writes val"),
    steps=161,
    states=162,
    exhausted=164,
    reached=(do_migrate_range, remove_migration_pmd),
)
