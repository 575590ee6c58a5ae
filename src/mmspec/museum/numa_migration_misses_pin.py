"""NUMA balancing moves a huge page to which somebody else is about to store.

The references to the page are counted when it is isolated. Somebody who got one later stored to the
old page after it had been copied: here a debugger, who forces his way and takes no hint. Now the
count is taken to zero, with the PMD's lock held, before the new page is mapped. The commit only
looked at the count once more, and sent others than debuggers to fault.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_MIGRATION_FREEZES_PAGE,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.gup import try_grab_page
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_MIGRATION_FREEZES_PAGE,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=("hinted/rewrite/use",),
    violates=no_store_is_lost,
    key_steps=(
        "use: numamigrate_isolate_page",
        "use: copy_highpage",
        "rewrite: store_to_pinned",
        "use: migrate_misplaced_transhuge_page",
    ),
    steps=97,
    states=2_528,
    exhausted=2_841,
    reached=(
        try_grab_page,
        migrate_misplaced_transhuge_page,
    ),
)
