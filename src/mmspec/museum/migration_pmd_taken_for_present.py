"""An architecture takes the migration entry of a huge page for something present.

Whether a PMD is present, none or bad is for the architecture to say. Some say that whatever is not
none is present; there, no PMD may become a migration entry. Patch 4 of the series makes the feature
one that an architecture has to ask for. No release had this fault.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    ARCH_ENABLE_THP_MIGRATION,
)
from mmspec.kernels.drafts import ARCH_PMD_PRESENT_UNLESS_NONE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.migrate import migration_entry_wait_on_locked

BUG = Bug(
    fixed=ARCH_ENABLE_THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/write",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "write: handle_pte_fault",
        "write: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=67,
    states=275,
    exhausted=2_066,
    reached=(migration_entry_wait_on_locked,),
    mutant=ARCH_PMD_PRESENT_UNLESS_NONE,
)
