"""MADV_DONTNEED walks past a huge page that is about to move.

Versions 3 to 7 of the patch cleared the PMD and flushed, and then stored the migration entry. Who
looked without the lock in between found nothing to throw away, and said so. The eighth made the PMD
not present in place; no release had this fault.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    THP_MIGRATION,
)
from mmspec.kernels.drafts import PMD_ENTRY_BY_WAY_OF_NONE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_thrown_away_is_gone
from mmspec.scenarios.thrown_away import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd, zap_huge_pmd

BUG = Bug(
    fixed=THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/zap/move",),
    violates=what_was_thrown_away_is_gone,
    key_steps=(
        "move: pmdp_huge_get_and_clear: writes val",
        "zap: zap_pmd_range: reads val",
        "move: set_pmd_migration_entry: writes val",
    ),
    steps=156,
    states=6_626,
    exhausted=8_020,
    reached=(
        zap_huge_pmd,
        remove_migration_pmd,
    ),
    mutant=PMD_ENTRY_BY_WAY_OF_NONE,
)
