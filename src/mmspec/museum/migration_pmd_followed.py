"""follow_page() takes the migration entry of a huge page for a page table.

One more caller that 84c3fc4e9c56 taught: it took a PMD that is not none and not huge for a table.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_MIGRATION_IN_COMMON_PATHS,
)
from mmspec.kernels.drafts import FOLLOW_TAKES_ANY_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.gup import follow_page
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=PMD_MIGRATION_IN_COMMON_PATHS,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/direct_io/move",),
    violates=the_kernel_does_not_oops,
    key_steps=(),
    steps=0,
    states=21_801,
    exhausted=21_627,
    reached=(
        follow_page,
        remove_migration_pmd,
    ),
    mutant=FOLLOW_TAKES_ANY_PMD,
    not_here="follow_page_pte() looks whether the PMD is a table, and says that there is no page",
)
