"""A guest's MMU is told of a migrating huge page where nobody may sleep.

Who unmaps a page tells MMU notifiers before it takes the page table's lock: their callbacks may
sleep. set_pmd_migration_entry(), which runs under that lock, told them once more.
"""

from __future__ import annotations

from mmspec.kernels.changes import PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import nobody_sleeps_under_a_page_table_lock
from mmspec.scenarios.guests import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.kvm_mmu import tdp_page_fault

BUG = Bug(
    fixed=PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("guest/move/run",),
    violates=nobody_sleeps_under_a_page_table_lock,
    key_steps=(
        "move: kvm_mmu_notifier_invalidate_range_start",
        "move: set_pmd_migration_entry",
        "move: might_sleep",
    ),
    steps=57,
    states=176,
    exhausted=25_049,
    reached=(remove_migration_pmd, tdp_page_fault),
)
