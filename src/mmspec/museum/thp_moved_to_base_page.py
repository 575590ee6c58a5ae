"""A huge page moves to a base page.

Who asks for pages to be migrated says where to. unmap_and_move() used to split a huge page for
which a base page was offered; since 94723aafb9e7 it relies on being offered a huge page or none. No
release had this fault: migrate_pages(2) offers a base page.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MBIND_MOVES_THP,
)
from mmspec.kernels.drafts import DESTINATIONS_ARE_SMALL
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=MBIND_MOVES_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move",),
    violates=no_assertion_fails,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "move: copy_moved_highpage",
        "move: remove_migration_pte",
    ),
    steps=113,
    states=114,
    exhausted=150,
    reached=(remove_migration_pmd,),
    mutant=DESTINATIONS_ARE_SMALL,
)
