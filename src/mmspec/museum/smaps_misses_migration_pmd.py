"""A process seems to shrink by a huge page while that is moved.

smaps counted huge PMDs that are present. What is being moved was not counted at all, though it is
resident, and counted as such in the process's status.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SMAPS_COUNTS_MIGRATION_PMD,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import what_readers_are_told_is_so
from mmspec.scenarios.told import SCENARIO
from mmspec.spec.page.task_mmu import smaps_account

BUG = Bug(
    fixed=SMAPS_COUNTS_MIGRATION_PMD,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/read_smaps",),
    violates=what_readers_are_told_is_so,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "read_smaps: smaps_pte_range",
        "read_smaps: check_resident",
    ),
    steps=71,
    states=1_404,
    exhausted=3_213,
    reached=(smaps_account,),
)
