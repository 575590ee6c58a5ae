"""get_user_pages_fast() takes the migration entry of a huge page for a page table.

It had looked whether the PMD is none. With interrupts off, and without locks, it follows what it
takes for the address of a table.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.gup import gup_huge_pmd
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/direct_io/move",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "direct_io: gup_pte_range",
    ),
    steps=64,
    states=1_396,
    exhausted=21_627,
    reached=(
        gup_huge_pmd,
        remove_migration_pmd,
    ),
)
