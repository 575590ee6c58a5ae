"""Pages are reported as not written to after they were migrated, or a huge page was split.

The soft-dirty bit of the PTE was not kept in the migration entry. One task is enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_KEEPS_SOFT_DIRTY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_soft_dirty
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte

BUG = Bug(
    fixed=MIGRATION_KEEPS_SOFT_DIRTY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/move", "huge/split"),
    violates=what_was_stored_to_is_soft_dirty,
    key_steps=(
        "split: try_to_unmap_one",
        "split: remove_migration_pte: writes val",
    ),
    steps=358,
    states=1_040,
    exhausted=1_040,
    reached=(remove_migration_pte,),
)
