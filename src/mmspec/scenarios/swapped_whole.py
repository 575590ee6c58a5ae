"""A huge page goes to the swap file as a whole while it is used."""

from __future__ import annotations

from mmspec.kernels.changes import THP_SWAPPED_OUT_WHOLE
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.properties.marks import (
    what_was_stored_to_is_dirty,
    what_was_stored_to_is_soft_dirty,
)
from mmspec.scenarios import swapped
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import huge, split
from mmspec.scenarios.swapped import read, reclaim, whole, write
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.page_io import swap_writepage
from mmspec.spec.page.swap import free_transhuge_page
from mmspec.spec.page.syscalls import kswapd, load, share_mm


def three() -> None:
    """A huge page that has not been used lately, in a process of three threads."""
    whole()
    share_mm(2)


def cached() -> None:
    """A huge page that reclaim has put into the swap cache and could not unmap: it is in use."""
    huge()
    kswapd()


def reclaim_again() -> None:
    """kswapd comes three times: what is used in between gets a second chance."""
    kswapd()
    kswapd()
    kswapd()


def read_tail() -> None:
    """Load from the second page."""
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="swapped_whole",
    title="a huge page is swapped out while it is read, written to or split",
    cases=(
        *crossed((whole,), (reclaim,), (read, write, split)),
        *crossed((whole,), (read,), (reclaim_again,)),
        *crossed((cached,), (move,), (read, reclaim)),
        Case("three/reclaim/split/read_tail", three, (reclaim, split, read_tail)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split before they are unmapped"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=swapped.SCENARIO.config,
    witnesses=(
        Witness("a page is written to the swap file", swap_writepage),
        Witness("a huge page is freed as a whole", free_transhuge_page, (THP_SWAPPED_OUT_WHOLE,)),
    ),
    explanation=__doc__,
    also=(what_was_stored_to_is_dirty, what_was_stored_to_is_soft_dirty),
)
