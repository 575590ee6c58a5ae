"""munmap() takes a mapping and a reference from a huge page that is being moved.

A migration entry is no mapping: set_pmd_migration_entry() has given up both already. zap_huge_pmd()
must leave the page alone. No release had this fault; a part of the commit is taken out.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    THP_MIGRATION,
)
from mmspec.kernels.drafts import ZAP_UNMAPS_MIGRATION_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_page_is_freed_in_a_bad_state
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=THP_MIGRATION,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap",),
    violates=no_page_is_freed_in_a_bad_state,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap: zap_huge_pmd",
        "zap: page_remove_anon_compound_rmap",
    ),
    steps=86,
    states=3_486,
    exhausted=8_020,
    reached=(zap_huge_pmd,),
    mutant=ZAP_UNMAPS_MIGRATION_PMD,
)
