"""NR_ANON_MAPPED ends below zero after a PMD was split while the page was put back elsewhere.

__split_huge_pmd_locked() looks whether others map the page by PMDs, too, and then takes its own
mapping off. In between remove_migration_pmd() can put back another process's PMD: PG_double_map is
not set, and the pages that are unmapped later are counted twice. The fix was made for another
fault; it excludes this one, since both hold the page lock.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_SPLIT_UNDER_PAGE_LOCK,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import statistics_return_to_zero
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, remove_migration_pmd

BUG = Bug(
    fixed=PMD_SPLIT_UNDER_PAGE_LOCK,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("inherited/move/zap_part_and_write",),
    violates=statistics_return_to_zero,
    key_steps=(
        "zap_part_and_write: compound_mapcount: reads mapping",
        "move: remove_migration_pmd: writes mapping",
        "zap_part_and_write: compound_mapcount_dec: writes mapping",
        "exit_mm: zap_huge_pmd",
    ),
    steps=280,
    states=419_380,
    exhausted=730_150,
    reached=(__split_huge_pmd_locked, remove_migration_pmd),
)
