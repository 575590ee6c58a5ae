"""A processor writes to a huge page that has moved.

The second version of the patch replaced the PMD by a migration entry and flushed no TLB. Stores
through an old translation went to the old page after it had been copied, and would go there after
it was freed. No release had this fault.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    THP_MIGRATION,
)
from mmspec.kernels.drafts import PMD_ENTRY_WITHOUT_FLUSH
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/write",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "move: copy_moved_highpage",
    ),
    steps=98,
    states=856,
    exhausted=2_066,
    reached=(remove_migration_pmd,),
    mutant=PMD_ENTRY_WITHOUT_FLUSH,
)
