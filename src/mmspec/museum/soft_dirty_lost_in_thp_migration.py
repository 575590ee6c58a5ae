"""A huge page is reported as not written to after it was migrated.

The same for the PMD's bit, which THP migration brought. One task is enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SOFT_DIRTY_OVER_THP_MIGRATION,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_soft_dirty
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=SOFT_DIRTY_OVER_THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move",),
    violates=what_was_stored_to_is_soft_dirty,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "move: remove_migration_pmd: writes val",
    ),
    steps=149,
    states=150,
    exhausted=150,
    reached=(remove_migration_pmd,),
)
