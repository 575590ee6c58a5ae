"""A huge page that mremap moves while it migrates does not count as written.

mremap sets the soft-dirty bit of all that it moves. Migration entries have it in another place:
were it left clear there, who tracks a process's memory by these bits would not see that something
new is at an address.
"""

from __future__ import annotations

from mmspec.kernels.changes import SOFT_DIRTY_OVER_THP_MIGRATION
from mmspec.kernels.drafts import MREMAP_FORGETS_MIGRATION_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_soft_dirty
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mremap import move_huge_pmd

BUG = Bug(
    fixed=SOFT_DIRTY_OVER_THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("tracked/remap/move",),
    violates=what_was_stored_to_is_soft_dirty,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "remap: move_huge_pmd: writes val",
        "move: remove_migration_pmd: writes val",
    ),
    steps=222,
    states=11_708,
    exhausted=12_236,
    reached=(
        remove_migration_pmd,
        move_huge_pmd,
    ),
    mutant=MREMAP_FORGETS_MIGRATION_PMD,
)
