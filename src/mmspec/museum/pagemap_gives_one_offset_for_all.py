"""pagemap tells the same of every page of a huge page that is being moved.

The migration entry of a huge page names its first frame; the offset that was told of the others was
the first one's, too. A reader that starts in the middle got that as well.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PAGEMAP_OFFSET_OF_SUBPAGE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import what_readers_are_told_is_so
from mmspec.scenarios.told import SCENARIO
from mmspec.spec.page.task_mmu import pagemap_read

BUG = Bug(
    fixed=PAGEMAP_OFFSET_OF_SUBPAGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/read_pagemap",),
    violates=what_readers_are_told_is_so,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "read_pagemap: pagemap_pmd_range",
        "read_pagemap: check_pagemap",
    ),
    steps=72,
    states=615,
    exhausted=1_316,
    reached=(pagemap_read,),
)
