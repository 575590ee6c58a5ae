"""A shared page becomes writable when the PMD entry of its migration is split.

__split_huge_pmd_locked() asked a migration entry whether it is writable in the way one asks a huge
PMD: by a bit which, in a swap entry, says soft-dirty. Parent and child then write to one page.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, remove_migration_pmd

BUG = Bug(
    fixed=MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("inherited/move/zap_part_and_write",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_part_and_write: __split_huge_pmd_locked: writes val",
        "move: remove_migration_pte: writes val",
        "zap_part_and_write: cpu_store: writes data",
    ),
    steps=261,
    states=53_610,
    exhausted=477_045,
    reached=(__split_huge_pmd_locked, remove_migration_pmd),
)
