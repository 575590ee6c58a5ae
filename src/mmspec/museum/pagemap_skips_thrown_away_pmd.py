"""pagemap tells of a page in the place of another.

Nothing was told of a PMD that was neither huge nor a table any more when it was looked at for the
second time: MADV_DONTNEED had thrown it away. What followed moved up into its place.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PAGEMAP_LOOKS_AGAIN,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import what_readers_are_told_is_so
from mmspec.scenarios.told_in_order import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.task_mmu import pagemap_read

BUG = Bug(
    fixed=PAGEMAP_LOOKS_AGAIN,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("two/zap/read_pagemap",),
    violates=what_readers_are_told_is_so,
    key_steps=(
        "read_pagemap: pagemap_read: reads val",
        "zap: pmdp_huge_get_and_clear_full: writes val",
        "read_pagemap: pmd_none_or_trans_huge_or_clear_bad: reads val",
        "read_pagemap: check_pagemap",
    ),
    steps=31,
    states=472,
    exhausted=582,
    reached=(
        pagemap_read,
        zap_huge_pmd,
    ),
)
