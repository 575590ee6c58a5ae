"""MADV_DONTNEED of a part takes the migration entry of a huge page for a page table.

A PMD of which only a part is to go is split first: if it is huge, or, since this commit, a
migration entry. Before, an entry was cleared as a bad table.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap_part",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_part: zap_pmd_range",
        "zap_part: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=65,
    states=2_061,
    exhausted=94_938,
    reached=(__split_huge_pmd_locked,),
)
