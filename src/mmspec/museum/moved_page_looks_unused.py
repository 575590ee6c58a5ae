"""A page that has moved looks as if nobody had used it.

A migration entry said whether the page was writable, not whether its mapping had been accessed or
dirty: it came back old and clean. Reclaim took pages for unused that were not, and the processor
had to set the bits again.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    DIRTY_BEFORE_WRITE_BIT,
    MIGRATION_KEEPS_YOUNG_AND_DIRTY,
)
from mmspec.kernels.releases import YOUNG_AND_DIRTY, v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_mapped_dirty_and_young
from mmspec.scenarios.aged import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=MIGRATION_KEEPS_YOUNG_AND_DIRTY,
    kernel=v4_14_fixed.with_(*YOUNG_AND_DIRTY),
    scenario=SCENARIO,
    cases=("huge/move",),
    violates=what_was_stored_to_is_mapped_dirty_and_young,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "move: remove_migration_pmd: writes val",
    ),
    steps=149,
    states=150,
    exhausted=151,
    reached=(remove_migration_pmd,),
    with_it=(DIRTY_BEFORE_WRITE_BIT,),
)
