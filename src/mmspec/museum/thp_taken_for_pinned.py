"""A huge page that PTEs map is taken for pinned, and its memory cannot be taken away.

Who has more references than mappings is pinned, and is not even isolated. The references were those
of the whole huge page; the mappings, those of its head.
"""

from __future__ import annotations

from mmspec.kernels.changes import CONTIG_MOVES_THP, ISOLATION_COUNTS_ALL_MAPPINGS
from mmspec.museum.bug import Bug
from mmspec.properties.marks import memory_that_is_taken_is_empty
from mmspec.scenarios.emptied import SCENARIO, v4_14_contig
from mmspec.spec.page.migrate import migrate_page_move_mapping

BUG = Bug(
    fixed=ISOLATION_COUNTS_ALL_MAPPINGS,
    introduced=CONTIG_MOVES_THP,
    kernel=v4_14_contig,
    scenario=SCENARIO,
    cases=("small/allocate", "both/allocate"),
    violates=memory_that_is_taken_is_empty,
    key_steps=("allocate: page_mapcount",),
    steps=14,
    states=30,
    exhausted=1_029,
    reached=(migrate_page_move_mapping,),
)
