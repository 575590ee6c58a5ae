"""MADV_DONTNEED takes the migration entry of a huge page for a page table.

It clears the entry as a bad one; the page that was moved is mapped nowhere, and its count is wrong.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import page_tables_hold_only_what_they_may
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap",),
    violates=page_tables_hold_only_what_they_may,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap: zap_pmd_range",
        "zap: pmd_none_or_trans_huge_or_clear_bad",
    ),
    steps=65,
    states=2_049,
    exhausted=8_020,
    reached=(zap_huge_pmd,),
)
