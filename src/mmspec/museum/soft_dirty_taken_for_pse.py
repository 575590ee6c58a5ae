"""The migration entry of a soft-dirty huge page is taken for a huge page.

Soft-dirty was kept in bit 7 of swap entries, which in a PMD is PSE. The entry of a soft-dirty huge
page looks present and huge, and its swap offset like a frame; it is never replaced. One task is
enough.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SWP_SOFT_DIRTY_IN_BIT_1,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_is_freed_while_mapped
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=SWP_SOFT_DIRTY_IN_BIT_1,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move",),
    violates=no_page_is_freed_while_mapped,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "move: remove_migration_pte",
        "move: free_pages_ok",
    ),
    steps=139,
    states=140,
    exhausted=150,
    reached=(remove_migration_pmd,),
)
