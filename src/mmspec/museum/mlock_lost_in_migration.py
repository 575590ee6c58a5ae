"""A page of a locked mapping is not mlocked any more once it has moved.

Migration unmaps a page first, and who unmaps an mlocked page for the last time clears PG_mlocked:
when the flag was to be handed on to the new page there was none, and that could be swapped out. The
fix marks the new page where it is mapped.
"""

from __future__ import annotations

from mmspec.kernels.changes import MIGRATION_MLOCKS_NEW_PAGE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_of_locked_mappings_are_mlocked
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.migrate import remove_migration_pte
from mmspec.spec.page.mlock import mlock_vma_page

BUG = Bug(
    fixed=MIGRATION_MLOCKS_NEW_PAGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked_small/move",),
    violates=pages_of_locked_mappings_are_mlocked,
    key_steps=(
        "move: clear_page_mlock",
        "move: remove_migration_pte: writes val",
    ),
    steps=274,
    states=275,
    exhausted=295,
    reached=(
        remove_migration_pte,
        mlock_vma_page,
    ),
)
