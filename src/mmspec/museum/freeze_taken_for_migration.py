"""A huge page that is being split is migrated instead.

try_to_unmap(TTU_MIGRATION) meant "put migration entries" as well as "freeze, for a split". As THP
migration was posted (v2), a freeze of the head fell into the new branch for huge PMDs: the page was
taken apart while a PMD entry still spoke of it as a whole. One task is enough. See docs/seed.md.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SPLIT_FREEZE_FLAG,
)
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_freed_page_through_its_TLB
from mmspec.scenarios.seed import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=SPLIT_FREEZE_FLAG,
    kernel=SCENARIO.kernel("V-A with the patch"),
    scenario=SCENARIO,
    cases=("huge/bind/write", "huge/bind/zap"),
    violates=no_processor_reaches_a_freed_page_through_its_TLB,
    key_steps=(
        "bind: freeze_page",
        "bind: set_pmd_migration_entry_v2: writes val",
        "bind: __split_huge_page",
    ),
    steps=140,
    states=956,
    exhausted=7_318,
    reached=(__split_huge_page,),
)
