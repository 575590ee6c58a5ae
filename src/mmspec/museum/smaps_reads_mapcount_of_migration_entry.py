"""smaps takes a pointer for the number of a page's mappings.

It holds the lock of the entry, and no reference on the page. That is enough for what is mapped; a
huge page that a migration entry names may just be taken apart. The first tail's word that counted
the huge page's mappings is a pointer to an anon_vma by then.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NO_MAPCOUNT_OF_MIGRATION_ENTRY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import what_readers_are_told_is_so
from mmspec.scenarios.told import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.task_mmu import smaps_account

BUG = Bug(
    fixed=NO_MAPCOUNT_OF_MIGRATION_ENTRY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/split/read_smaps",),
    violates=what_readers_are_told_is_so,
    key_steps=(
        "split: __split_huge_page_tail: writes mapping",
        "read_smaps: migration_entry_to_page",
        "read_smaps: compound_mapcount",
        "read_smaps: check_mapcount",
    ),
    steps=208,
    states=7_987,
    exhausted=10_726,
    reached=(
        smaps_account,
        __split_huge_page,
    ),
)
