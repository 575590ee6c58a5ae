"""A page that two processes share becomes writable for one of them because it is dirty.

Since entries keep their dirty bits, they are set when a page that has moved is mapped again. On
sparc64, to make an entry dirty is to let the processor write; that was not taken back for entries
that were read-only. A store would reach the page of the other process. Here that is an
architecture where the bit is the same.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    DIRTY_BEFORE_WRITE_BIT,
)
from mmspec.kernels.drafts import ARCH_MKDIRTY_MAKES_WRITABLE
from mmspec.kernels.releases import YOUNG_AND_DIRTY, v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_that_others_map_is_writable
from mmspec.scenarios.moves_shared import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=DIRTY_BEFORE_WRITE_BIT,
    kernel=v4_14_fixed.with_(*YOUNG_AND_DIRTY, ARCH_MKDIRTY_MAKES_WRITABLE),
    scenario=SCENARIO,
    cases=("inherited/move/write",),
    violates=no_page_that_others_map_is_writable,
    key_steps=("move: remove_migration_pmd: writes val",),
    steps=144,
    states=13_775,
    exhausted=47_362,
    reached=(remove_migration_pmd,),
    introduced=ARCH_MKDIRTY_MAKES_WRITABLE,
)
