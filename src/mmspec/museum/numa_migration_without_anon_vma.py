"""NUMA balancing moves a huge page although it could not lock the anon_vma.

The lock kept the page from being split while it was moved. If the anon_vma was not found, the page
was moved nevertheless.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_MIGRATION_NEEDS_ANON_VMA,
)
from mmspec.kernels.releases import v4_14_numa_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=NUMA_MIGRATION_NEEDS_ANON_VMA,
    kernel=v4_14_numa_fixed,
    scenario=SCENARIO,
    cases=(
        "hinted/zap/use",
        "hinted/zap_part/use",
        "hinted/split/use",
    ),
    violates=no_assertion_fails,
    key_steps=(),
    steps=0,
    states=36_336,
    exhausted=36_336,
    reached=(
        migrate_misplaced_transhuge_page,
        __split_huge_page,
    ),
    not_here=(
        "The anon_vma is not found if nothing maps the page; then its PMD, which is looked at "
        "once more, is not the same any more. And whoever splits a page has its lock, since v4.5."
    ),
)
