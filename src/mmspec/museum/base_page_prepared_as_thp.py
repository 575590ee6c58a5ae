"""A base page is prepared as a huge one, and the words of its neighbours are overwritten.

Where huge pages cannot be migrated, one is split to be moved, and its new place is a base page.
That the old page was huge was taken to mean that the new one is: the list_head of a huge page was
written to the struct pages behind it, whoever they belonged to.
"""

from __future__ import annotations

from mmspec.kernels.changes import NEW_PAGE_PREPARED_IF_HUGE
from mmspec.kernels.releases import v4_14_fixed_no_thp_migration
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_page_is_freed_in_a_bad_state
from mmspec.scenarios.offlined import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_hotplug import do_migrate_range

BUG = Bug(
    fixed=NEW_PAGE_PREPARED_IF_HUGE,
    kernel=v4_14_fixed_no_thp_migration,
    scenario=SCENARIO,
    cases=("huge/offline",),
    violates=no_page_is_freed_in_a_bad_state,
    key_steps=(
        "offline: INIT_LIST_HEAD: writes mapping",
        "offline: __split_huge_page_tail",
        "offline: check_new_page",
    ),
    steps=602,
    states=603,
    exhausted=841,
    reached=(do_migrate_range, __split_huge_page),
)
