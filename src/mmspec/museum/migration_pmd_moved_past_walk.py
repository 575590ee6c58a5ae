"""mremap moves the migration entry of a huge page past the walk that is to replace it.

The entry goes from PMD to PMD under their lock. But the walk takes the lock only where it sees
something: it looked at the old PMD just after the entry had been taken out, at the new one just
before it was put there. The entry stays, and whoever faults on it waits for a page that is free.
"""

from __future__ import annotations

from mmspec.kernels.changes import SPLIT_WAITS_FOR_ZAP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import migration_entries_name_locked_pages
from mmspec.scenarios.remaps import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.mremap import move_huge_pmd

BUG = Bug(
    fixed=SPLIT_WAITS_FOR_ZAP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("dirty/remap/move",),
    violates=migration_entries_name_locked_pages,
    key_steps=(
        "remap: move_huge_pmd: writes val",
        "move: page_vma_mapped_walk: reads val",
        "move: page_vma_mapped_walk: reads val",
        "remap: move_huge_pmd: writes val",
    ),
    steps=179,
    states=7_638,
    exhausted=12_236,
    reached=(
        remove_migration_pmd,
        move_huge_pmd,
    ),
)
