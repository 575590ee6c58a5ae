"""A range of frames is emptied, for who wants all of it, or wants to take it away."""

from __future__ import annotations

from mmspec.kernels.changes import CONTIG_MOVES_THP, ISOLATION_COUNTS_ALL_MAPPINGS
from mmspec.kernels.releases import v4_13, v4_14, v4_14_fixed
from mmspec.properties.marks import memory_that_is_taken_is_empty
from mmspec.scenarios.offlined import SCENARIO as OFFLINED
from mmspec.scenarios.offlined import offline
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.seed import both, huge, small
from mmspec.spec.machine.sizes import HPAGE_PMD_NR
from mmspec.spec.page.compaction import alloc_contig_range
from mmspec.spec.page.migrate import migrate_page_move_mapping


def allocate() -> None:
    """virtio-mem takes the frames that a huge page lies in."""
    alloc_contig_range(0, HPAGE_PMD_NR)


#: v4.14 moves no huge page for who wants a range.
v4_14_contig = v4_14_fixed.with_(CONTIG_MOVES_THP, ISOLATION_COUNTS_ALL_MAPPINGS)

SCENARIO = Scenario(
    name="emptied",
    title="a range of frames is emptied",
    cases=(
        *(Case(f"{s.__name__}/offline", s, (offline,)) for s in (huge, small, both)),
        *(
            Case(f"{s.__name__}/allocate", s, (allocate,), (CONTIG_MOVES_THP,))
            for s in (huge, small, both)
        ),
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14_contig, "with later fixes, and huge pages moved as from v5.7 on"),
    ),
    config=OFFLINED.config,
    witnesses=(Witness("a page is moved", migrate_page_move_mapping),),
    explanation=__doc__,
    also=(memory_that_is_taken_is_empty,),
)
