"""A fault waits for a huge page that has been moved and freed.

It found the page locked, dropped the PMD's lock, and waited for the page without a reference. Who
moved it freed the old page, which may be somebody else's by now, locked for as long as he likes.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_FAULT_HOLDS_WHAT_IT_WAITS_FOR,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import nobody_waits_for_a_freed_page
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import wait_on_numa_page
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_FAULT_HOLDS_WHAT_IT_WAITS_FOR,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=("hinted/use/use",),
    violates=nobody_waits_for_a_freed_page,
    key_steps=(
        "use: pmd_trans_migrating",
        "use: put_page",
        "use: wait_on_page_locked",
    ),
    steps=98,
    states=832,
    exhausted=1_309,
    reached=(
        wait_on_numa_page,
        migrate_misplaced_transhuge_page,
    ),
)
