"""The NUMA scanner takes the migration entry of a huge page for a bad PMD.

It asked first whether the PMD was a migration entry, and then, with another look, whether it was
none, huge or bad. Somebody began to move the page between the two, and the entry was cleared as a
bad one. The fix of `scan_takes_huge_pmd_for_bad` had left this; it ended in v6.5 with a change made
for another reason, and was found in older kernels years later.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PROTECTING_DECIDES_BY_ONE_READ,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd

BUG = Bug(
    fixed=PROTECTING_DECIDES_BY_ONE_READ,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/scan",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "scan: change_pmd_range: reads val",
        "move: set_pmd_migration_entry: writes val",
        "scan: pmd_none_or_clear_bad_unless_trans_huge",
    ),
    steps=65,
    states=716,
    exhausted=1_632,
    reached=(change_huge_pmd,),
)
