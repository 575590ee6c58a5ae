"""A huge page that PTEs map is mlocked after it was migrated.

A huge page is mlocked only while nothing but PMDs maps it, so that it is known when to stop. The
parent had locked its mapping, and the child had split its PMD. Moving the page put the parent's PMD
back first, which mlocked the new page, and then the child's PTEs. Who unmapped one of those next
met an mlocked tail.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATED_THP_MLOCKED_IF_PMD_ONLY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.moves_locked import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.mlock import mlock_vma_page

BUG = Bug(
    fixed=MIGRATED_THP_MLOCKED_IF_PMD_ONLY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked/move/zap_part",),
    violates=no_assertion_fails,
    key_steps=(
        "move: mlock_vma_page",
        "zap_part: page_remove_rmap",
    ),
    steps=269,
    states=39_437,
    exhausted=326_039,
    reached=(mlock_vma_page, remove_migration_pte),
)
