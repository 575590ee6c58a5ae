"""A split gives up because counts that moved while they were added came out as zero.

After each VMA try_to_unmap() asked whether total_mapcount() was zero. It is a sum of several words,
read one by one: while another process's PMD is split, or zapped, mappings move from one word to
another, and can be missed in all. The walk ended, and left the page mapped.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    UNMAP_UNTIL_NOT_MAPPED,
)
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.seed import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=UNMAP_UNTIL_NOT_MAPPED,
    kernel=SCENARIO.kernel("v4.14 fixed"),
    scenario=SCENARIO,
    cases=("both/split/zap", "both/split/write"),
    violates=no_warning_is_printed,
    key_steps=(
        "split: total_mapcount",
        "split: VM_WARN_ON_ONCE_PAGE",
    ),
    steps=121,
    states=16_605,
    exhausted=79_016,
    reached=(__split_huge_page,),
)
