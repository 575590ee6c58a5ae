"""A walk looks for a page table where a huge PMD is being replaced.

mm_find_pmd() saw a PMD that was present, and looked again whether it was huge. A store of another
process had made it none in between, to put a copy of its huge page there: none is not huge, and the
walk went on into a table that was not there.
"""

from __future__ import annotations

from mmspec.kernels.changes import FIND_PMD_READS_ONCE
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.neighbours import SCENARIO
from mmspec.spec.page.huge_memory import do_huge_pmd_wp_page
from mmspec.spec.page.rmap import mm_find_pmd

BUG = Bug(
    fixed=FIND_PMD_READS_ONCE,
    kernel=SCENARIO.kernel("v4.10 fixed"),
    scenario=SCENARIO,
    cases=("renewed/move_first/write",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "move_first: mm_find_pmd: reads val",
        "write: pmdp_huge_clear_flush: writes val",
        "move_first: mm_find_pmd: reads val",
        "move_first: remove_migration_pte",
    ),
    steps=129,
    states=5_980,
    exhausted=7_050,
    reached=(mm_find_pmd, do_huge_pmd_wp_page),
)
