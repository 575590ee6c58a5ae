"""Pages are swapped in beside the swap cache, as kernels later than v4.14 do with some devices."""

from __future__ import annotations

from mmspec.kernels.changes import SWAPIN_KEEPS_OTHERS_OUT, SWAPIN_SKIPS_CACHE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.scenarios import swapped
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness
from mmspec.scenarios.swapped import out, read
from mmspec.spec.machine.sizes import USER_BASE
from mmspec.spec.page.page_io import swap_readpage_synchronously, swap_writepage
from mmspec.spec.page.syscalls import kswapd, share_mm, store


def out_of_three() -> None:
    """A base page that has gone to the swap file, in a process of three threads."""
    out()
    share_mm(2)


def reclaim_twice() -> None:
    """kswapd comes twice: what has been used in between gets a second chance."""
    kswapd()
    kswapd()


def overwrite() -> None:
    """Store to the page."""
    store(USER_BASE, 2)


SCENARIO = Scenario(
    name="swapped_beside",
    title="a page is swapped in by two threads while it is swapped out again",
    cases=(
        Case(
            "out_of_three/overwrite/read/reclaim_twice",
            out_of_three,
            (overwrite, read, reclaim_twice),
        ),
    ),
    rows=(
        Row(
            "v4.15", v4_14_fixed.with_(SWAPIN_SKIPS_CACHE), "one of its features, with later fixes"
        ),
        Row(
            "v6.8",
            v4_14_fixed.with_(SWAPIN_SKIPS_CACHE, SWAPIN_KEEPS_OTHERS_OUT),
            "the same, with its fix",
        ),
    ),
    config=swapped.SCENARIO.config,
    witnesses=(
        Witness("a page is read in beside the swap cache", swap_readpage_synchronously),
        Witness("a page is written to the swap file", swap_writepage),
    ),
    explanation=__doc__,
)
