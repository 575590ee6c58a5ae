"""A process moves away from a huge page that it has pinned, to a copy.

A huge page may be stored to without a copy if nobody else maps it. To count one mapping after
another was thought too dear: with one mapping and one reference there could be no other. But a pin
is a reference, too. The store went to a copy, and the device goes on with the old page. One task is
enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    WP_COUNTS_THP_MAPPINGS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.huge_memory import do_huge_pmd_wp_page

BUG = Bug(
    fixed=WP_COUNTS_THP_MAPPINGS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/track_and_io",),
    violates=no_store_is_lost,
    key_steps=(
        "track_and_io: gup_huge_pmd",
        "track_and_io: clear_soft_dirty_pmd",
        "track_and_io: do_huge_pmd_wp_page",
        "track_and_io: store_to_pinned: writes data",
    ),
    steps=73,
    states=74,
    exhausted=54,
    reached=(do_huge_pmd_wp_page,),
)
