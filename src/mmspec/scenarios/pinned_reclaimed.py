"""A page that is pinned is reclaimed, after MADV_FREE or as any other page."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14, v4_14_sole_reference
from mmspec.lang import Config
from mmspec.scenarios.lazyfree import free_base
from mmspec.scenarios.scenario import Row, Scenario, Witness, crossed
from mmspec.scenarios.swapped import base, reclaim
from mmspec.spec.machine.sizes import USER_BASE
from mmspec.spec.page.swap_state import add_to_swap
from mmspec.spec.page.syscalls import device_store, load, pin_user_page, store, unpin
from mmspec.spec.page.vmscan import shrink_page_list

# ------------------------------------------------------------------------------------- set-ups


def registered() -> None:
    """A base page that has not been used lately, and is pinned."""
    base()
    pin_user_page(USER_BASE, True)


# --------------------------------------------------------------------------------------- tasks


def use() -> None:
    """The process loads from the page that it has pinned, stores to it, and the device does."""
    load(USER_BASE)
    store(USER_BASE, 2)
    device_store(USER_BASE, 3)
    load(USER_BASE)
    unpin(True)


def pin_and_use() -> None:
    """The same; the page is pinned first."""
    pin_user_page(USER_BASE, True)
    use()


def direct_read() -> None:
    """read(2) with O_DIRECT; what was read is looked at afterwards."""
    if pin_user_page(USER_BASE, True):
        device_store(USER_BASE, 3)
        unpin(True)
        load(USER_BASE)


SCENARIO = Scenario(
    name="pinned_reclaimed",
    title="pinned pages are reclaimed",
    cases=(
        *crossed((registered,), (use,), (reclaim,)),
        *crossed((base,), (pin_and_use,), (reclaim,)),
        *crossed((free_base,), (direct_read,), (reclaim,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released"),
        Row("v4.14", v4_14, "as released"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
        Row(
            "sole reference",
            v4_14_sole_reference,
            "and v5.9's copy-on-write; pinned after reclaim looked",
        ),
    ),
    config=Config.of(
        order=2,
        frames=16,
        tasks=3,
        mms=3,
        vmas=3,
        anon_vmas=3,
        avcs=6,
        tables=4,
        swap_slots=8,
        migrate_passes=4,
        pins=1,
    ),
    witnesses=(
        Witness("a page gets a slot", add_to_swap),
        Witness("a page is reclaimed", shrink_page_list),
    ),
    explanation=__doc__,
)
