"""What is being migrated is counted as mapped when its PMD entry is split.

__split_huge_pmd_locked() moved the mapping from the compound's count to the subpages', although a
page that has a migration entry is not mapped: the one ends too low, the others too high.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT,
    MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import mapcount_equals_the_mappings
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked
from mmspec.spec.page.migrate import remove_migration_pte

BUG = Bug(
    fixed=MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap_part",),
    violates=mapcount_equals_the_mappings,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_part: __split_huge_pmd_locked",
        "zap_part: mapcount_inc: writes _mapcount",
    ),
    steps=224,
    states=26_550,
    exhausted=94_938,
    reached=(__split_huge_pmd_locked, remove_migration_pte),
    with_it=(MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE,),
)
