"""A tail can be found before it says where its mappings are.

The split let others take references to a tail, and set its mapping and index only then. Whoever
found it in the page cache just then met the words that tails have there; the report was of shmem.
An anonymous page is found by its slot in the swap cache. Who finds it so takes the page lock before
looking further, and the split holds that until all is said. Those who go by frame numbers look at
the LRU, whose lock the split holds as well.
"""

from __future__ import annotations

from mmspec.kernels.changes import SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.swapped_whole import SCENARIO
from mmspec.spec.page.filemap import find_get_page
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory import do_swap_page

BUG = Bug(
    fixed=SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("three/reclaim/split/read_tail",),
    violates=no_assertion_fails,
    key_steps=(),
    steps=0,
    states=633_226,
    exhausted=631_994,
    reached=(do_swap_page, __split_huge_page, find_get_page),
    not_here="faults lock the page they find in the swap cache, and the split has it locked",
)
