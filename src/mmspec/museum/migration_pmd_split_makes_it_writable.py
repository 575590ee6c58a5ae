"""A shared page becomes writable when the PMD entry of its migration is split.

__split_huge_pmd_locked() asked a migration entry whether it is writable in the way one asks a huge
PMD: by a bit which, in a swap entry, says soft-dirty. It made entries of it that will be writable
mappings when the page has moved: parent and child then write to one page.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_that_others_map_is_writable
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, remove_migration_pmd

BUG = Bug(
    fixed=MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("inherited/move/zap_part_and_write",),
    violates=no_page_that_others_map_is_writable,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_part_and_write: __split_huge_pmd_locked: writes val",
    ),
    steps=75,
    states=3_005,
    exhausted=730_150,
    reached=(__split_huge_pmd_locked, remove_migration_pmd),
)
