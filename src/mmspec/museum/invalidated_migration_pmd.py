"""A migration entry looks like a huge page while it is split.

Splitting a PMD made it not present first, whatever it was. x86 clears two bits for that, which are
clear in a migration entry. Elsewhere a bit is set that says "present, but invalid"; who looks at
the PMD without its lock takes the entry for a huge page, of a frame that has nothing to do with it.
Here that is an architecture whose bit is PSE. get_user_pages_fast() stops at the bit that says
"present" before it takes a reference: here, nothing worse follows.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PMD_SPLIT_INVALIDATES_PRESENT_ONLY,
)
from mmspec.kernels.drafts import ARCH_INVALID_PMD_IS_PRESENT
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_is_freed_while_mapped
from mmspec.scenarios.glanced_at import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_pmd_locked

BUG = Bug(
    fixed=PMD_SPLIT_INVALIDATES_PRESENT_ONLY,
    kernel=v4_14_fixed.with_(ARCH_INVALID_PMD_IS_PRESENT),
    scenario=SCENARIO,
    cases=("threads/move/zap_last",),
    violates=no_page_is_freed_while_mapped,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap_last: __split_huge_pmd",
        "zap_last: pmdp_establish_not_present: writes val",
    ),
    steps=72,
    states=2_638,
    exhausted=25_188,
    reached=(__split_huge_pmd_locked,),
    introduced=ARCH_INVALID_PMD_IS_PRESENT,
)
