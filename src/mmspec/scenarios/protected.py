"""Memory is made read-only, or forbidden, while it is used, moved or split by others."""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.properties.marks import (
    no_processor_can_store_where_the_VMA_forbids_it,
    what_was_stored_to_is_dirty,
)
from mmspec.scenarios import moves
from mmspec.scenarios.moves import family, move
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import both, huge, split, write
from mmspec.spec.machine.sizes import HPAGE_PMD_SIZE, USER_BASE
from mmspec.spec.page.huge_memory import change_huge_pmd
from mmspec.spec.page.mm_types import VM_READ
from mmspec.spec.page.mprotect import change_pte_range
from mmspec.spec.page.syscalls import mprotect

# --------------------------------------------------------------------------------------- tasks


def protect() -> None:
    """mprotect(2): from now on it can only be read."""
    mprotect(USER_BASE, HPAGE_PMD_SIZE, VM_READ)


def forbid() -> None:
    """mprotect(2): from now on it cannot be accessed."""
    mprotect(USER_BASE, HPAGE_PMD_SIZE, 0)


SCENARIO = Scenario(
    name="protected",
    title="memory is made read-only, or forbidden, while it is written to, moved or split",
    cases=(
        *crossed((huge,), (write,), (protect, forbid)),
        *crossed((both,), (protect,), (split,)),
        *crossed((family, both), (move,), (protect, forbid), (MBIND_MOVES_THP,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("the protection of a huge PMD is changed", change_huge_pmd),
        Witness("the protection of PTEs is changed", change_pte_range),
    ),
    explanation=__doc__,
    also=(
        no_processor_can_store_where_the_VMA_forbids_it,
        what_was_stored_to_is_dirty,
    ),
)
