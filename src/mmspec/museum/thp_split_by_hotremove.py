"""Memory is taken offline, and huge pages in it become base pages.

Hot-remove asked for base pages to move to, and migrate_pages() split what it was given. Nothing is
lost by that but huge pages: this is what the last patch of the THP migration series is for. That it
steps over a huge page's tails matters less than it seems, since nobody gets a reference to one.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    HOTREMOVE_COUNTS_WHAT_IT_ISOLATES,
    HOTREMOVE_MOVES_THP,
    HOTREMOVE_STEPS_OVER_ANY_PART,
    MIGRATION_SPLITS_WHAT_HAS_NO_ROOM,
    NEW_PAGE_PREPARED_IF_HUGE,
)
from mmspec.kernels.releases import all_that_need, v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import huge_pages_stay_huge
from mmspec.scenarios.moved_whole import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.memory_hotplug import do_migrate_range

BUG = Bug(
    fixed=HOTREMOVE_MOVES_THP,
    with_it=(
        NEW_PAGE_PREPARED_IF_HUGE,
        HOTREMOVE_STEPS_OVER_ANY_PART,
        HOTREMOVE_COUNTS_WHAT_IT_ISOLATES,
    ),
    # since then migrate_pages() trusts its caller to have a huge page for a huge page
    kernel=v4_14_fixed.without(*all_that_need(MIGRATION_SPLITS_WHAT_HAS_NO_ROOM, v4_14_fixed)),
    scenario=SCENARIO,
    cases=("huge/offline",),
    violates=huge_pages_stay_huge,
    key_steps=("offline: do_migrate_range", "offline: __split_huge_page"),
    steps=858,
    states=859,
    exhausted=166,
    reached=(do_migrate_range, remove_migration_pmd),
)
