"""A huge page is split or moved, and entries are to say what the processor noted in them."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, YOUNG_AND_DIRTY, v4_13, v4_14
from mmspec.properties.marks import what_was_stored_to_is_mapped_dirty_and_young
from mmspec.scenarios import moves
from mmspec.scenarios.moves import move, zap_part
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.seed import huge, small, split
from mmspec.spec.page.huge_memory import __split_huge_page, __split_huge_pmd_locked
from mmspec.spec.page.migrate import remove_migration_pte

SCENARIO = Scenario(
    name="aged",
    title="a huge page that was stored to is split, moved and partly unmapped",
    cases=tuple(
        Case(f"{set_up.__name__}/{task.__name__}", set_up, (task,))
        for set_up in (huge, small)
        for task in (split, zap_part, move)
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
        Row(
            "v4.14 improved", v4_14.with_(*LATER_FIXES, *YOUNG_AND_DIRTY), "and bits that are kept"
        ),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge PMD is split", __split_huge_pmd_locked),
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("a migration entry becomes a mapping", remove_migration_pte),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_mapped_dirty_and_young,),
)
