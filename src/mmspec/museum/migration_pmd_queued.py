"""mbind() takes the migration entry of a huge page for the page.

queue_pages_pmd() has to leave alone what is already on its way: the swap entry's offset is no frame
of a present page. No release had this fault; a part of the commit is taken out.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MBIND_MOVES_THP,
)
from mmspec.kernels.drafts import QUEUE_TAKES_ANY_PMD
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.mempolicy import queue_pages_pmd

BUG = Bug(
    fixed=MBIND_MOVES_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("settled/move_back/bind_back",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "bind_back: set_pmd_migration_entry: writes val",
        "move_back: queue_pages_pmd",
    ),
    steps=70,
    states=1_226,
    exhausted=2_724,
    reached=(queue_pages_pmd,),
    mutant=QUEUE_TAKES_ANY_PMD,
)
