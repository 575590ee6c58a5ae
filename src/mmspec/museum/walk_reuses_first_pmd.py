"""A walk takes nothing for a page table.

page_vma_mapped_walk() looked at a PMD more than once without a lock. The compiler may take a value
that it has read before: it asks whether there is a table now, and uses what was there at first.
That a page table appears meanwhile takes another process, which maps the page no more.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    WALK_READS_PMD_ONCE,
)
from mmspec.kernels.drafts import WALK_REUSES_FIRST_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked, remove_migration_pmd

BUG = Bug(
    fixed=WALK_READS_PMD_ONCE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family/move/renew",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "move: page_vma_mapped_walk: reads val",
        "renew: pmd_populate: writes val",
        "move: page_vma_mapped_walk: reads val",
    ),
    steps=144,
    states=11_933,
    exhausted=70_388,
    reached=(remove_migration_pmd, __split_huge_pmd_locked),
    mutant=WALK_REUSES_FIRST_PMD,
)
