"""What user space is told of a huge page while it is moved or split.

pagemap, smaps and mincore(2) walk page tables with mmap_sem for reading, as who moves pages does.
They hold the lock of the entry that they tell of, but no reference on the page.
"""

from __future__ import annotations

from mmspec.kernels.changes import MBIND_MOVES_THP
from mmspec.scenarios import moves
from mmspec.scenarios.moves import family, move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split
from mmspec.scenarios.zaps import in_part
from mmspec.spec.machine.sizes import USER_BASE, USER_PAGES
from mmspec.spec.page.huge_memory import __split_huge_page, remove_migration_pmd
from mmspec.spec.page.syscalls import mincore, pagemap, smaps
from mmspec.spec.page.task_mmu import smaps_account


def read_pagemap() -> None:
    """Read /proc/self/pagemap."""
    pagemap(USER_BASE, USER_PAGES)


def read_smaps() -> None:
    """Read /proc/self/smaps_rollup."""
    smaps()


def ask() -> None:
    """mincore(2)."""
    mincore(USER_BASE, USER_PAGES)


SCENARIO = Scenario(
    name="told",
    title="pagemap, smaps and mincore tell of a huge page that is moved or split",
    cases=(
        *crossed((huge,), (move,), (read_pagemap, read_smaps, ask)),
        *crossed((huge,), (split,), (read_pagemap, read_smaps)),
        *crossed((in_part,), (move,), (read_pagemap,)),
        *crossed((family,), (split,), (read_smaps,)),
    ),
    rows=USUAL_ROWS,
    config=moves.SCENARIO.config,
    witnesses=(
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (MBIND_MOVES_THP,)),
        Witness("a huge page is taken apart", __split_huge_page),
        Witness("smaps counts a page", smaps_account),
    ),
    explanation=__doc__,
)
