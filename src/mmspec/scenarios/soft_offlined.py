"""A frame of a huge page is about to break: what it holds is moved, and it is not used again.

The frame's number is all that is known. The huge page it is part of is split first, while its
process goes on.
"""

from __future__ import annotations

from mmspec.scenarios import moves
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, inherit, small, split, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_NR
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import __soft_offline_page, soft_offline_page
from mmspec.spec.page.mm import pfn_to_page


def soften() -> None:
    """Write the last frame of the huge page to soft_offline_page in sysfs."""
    soft_offline_page(pfn_to_page(HPAGE_PMD_NR - 1), 0)


SCENARIO = Scenario(
    name="soft_offlined",
    title="a frame is taken out of use while the huge page it is part of is used or split",
    cases=(
        *(Case(f"{s.__name__}/soften", s, (soften,)) for s in (huge, small)),
        *crossed((huge,), (soften,), (write, zap, inherit, split)),
        *crossed((small,), (soften,), (write, split)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("a base page is moved away", __soft_offline_page),
    ),
    explanation=__doc__,
)
