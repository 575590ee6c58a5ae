"""A page is leaked whose PMD entry was split while it migrated.

__split_huge_pmd_locked() took a reference for each PTE that it made. For migration entries nobody
gives them back: the page can neither move nor ever be freed.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import refcount_equals_the_references
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked
from mmspec.spec.page.migrate import remove_migration_pte

BUG = Bug(
    fixed=MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap_part",),
    violates=refcount_equals_the_references,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_part: __split_huge_pmd_locked: writes _refcount",
    ),
    steps=217,
    states=24_442,
    exhausted=94_938,
    reached=(__split_huge_pmd_locked, remove_migration_pte),
)
