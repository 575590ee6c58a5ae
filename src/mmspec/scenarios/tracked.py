"""A process's stores are tracked by soft-dirty bits, which are cleared while it goes on."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_10, v4_10_fixed, v4_13, v4_14
from mmspec.properties.marks import what_was_stored_to_is_dirty
from mmspec.scenarios import moves
from mmspec.scenarios.moves import freed, move
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split, write
from mmspec.spec.page.syscalls import clear_refs
from mmspec.spec.page.task_mmu import clear_refs_write


def track() -> None:
    """Write 4 to /proc/PID/clear_refs."""
    clear_refs()


SCENARIO = Scenario(
    name="tracked",
    title="soft-dirty bits are cleared while a huge page is written to, split or moved",
    cases=(
        *crossed((huge,), (track,), (write, split, move)),
        *crossed((freed,), (track,), (write,)),
    ),
    rows=(
        Row("v4.10", v4_10, "as released"),
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.10 fixed", v4_10_fixed, "with later fixes"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=moves.SCENARIO.config,
    witnesses=(Witness("soft-dirty bits are cleared", clear_refs_write),),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty,),
)
