"""khugepaged takes a migration entry in a PMD for a page table.

To tell a PMD that is none from others it no longer asked whether the PMD is present: what is
neither none nor huge nor bad was taken for a table.
"""

from __future__ import annotations

from mmspec.kernels.changes import COLLAPSE_LEAVES_ENTRIES_ALONE, COLLAPSE_TELLS_NONE_APART
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.collapsed import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.khugepaged import khugepaged_scan_mm_slot

BUG = Bug(
    fixed=COLLAPSE_LEAVES_ENTRIES_ALONE,
    introduced=COLLAPSE_TELLS_NONE_APART,
    kernel=v4_14_fixed.with_(COLLAPSE_TELLS_NONE_APART, COLLAPSE_LEAVES_ENTRIES_ALONE),
    scenario=SCENARIO,
    cases=("whole/move/collapse",),
    violates=the_kernel_does_not_oops,
    key_steps=(),
    steps=0,
    states=1_050,
    exhausted=1_050,
    reached=(remove_migration_pmd, khugepaged_scan_mm_slot),
    not_here="what is not present is bad on x86: pmd_bad() wants all bits of a table's entry",
)
