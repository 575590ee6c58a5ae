"""A page is given to MADV_FREE while it is written to and reclaimed.

Reclaim drops such a page, unless something was stored to it since.
"""

from __future__ import annotations

from mmspec.scenarios import swapped
from mmspec.scenarios.moves import freed, give_away, move
from mmspec.scenarios.scenario import USUAL_ROWS, Scenario, Witness, crossed
from mmspec.scenarios.seed import small, zap
from mmspec.scenarios.swapped import base, out, reclaim, write
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.madvise import madvise_free_pte
from mmspec.spec.page.swap_state import add_to_swap
from mmspec.spec.page.syscalls import (
    kswapd,
    load,
    madvise_free,
    store,
)
from mmspec.spec.page.vmscan import shrink_page_list

# ------------------------------------------------------------------------------------- set-ups


def free_base() -> None:
    """A base page that was given to MADV_FREE, in a process of two threads."""
    base()
    madvise_free(USER_BASE, PAGE_SIZE)


# --------------------------------------------------------------------------------------- tasks


def free() -> None:
    """madvise(MADV_FREE)."""
    madvise_free(USER_BASE, PAGE_SIZE)


def move_and_reclaim() -> None:
    """Everything on node 0 is moved to node 1; then kswapd comes."""
    move()
    kswapd()


def free_then_write() -> None:
    """madvise(MADV_FREE); what is stored after it stays."""
    madvise_free(USER_BASE, PAGE_SIZE)
    store(USER_BASE, 2)
    load(USER_BASE)


SCENARIO = Scenario(
    name="lazyfree",
    title="a page is given to MADV_FREE, written to and reclaimed",
    cases=(
        *crossed((base, out), (free, free_then_write), (reclaim, write)),
        *crossed((free_base, freed), (write,), (reclaim,)),
        *crossed((freed,), (write,), (move_and_reclaim,)),
        *crossed((small,), (give_away,), (zap,)),
    ),
    rows=USUAL_ROWS,
    config=swapped.SCENARIO.config,
    witnesses=(
        Witness("a page is given to MADV_FREE", madvise_free_pte),
        Witness("a page gets a slot", add_to_swap),
        Witness("a page is reclaimed", shrink_page_list),
    ),
    explanation=__doc__,
)
