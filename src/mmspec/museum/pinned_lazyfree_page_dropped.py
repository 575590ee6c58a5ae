"""Reclaim drops a page while a device stores to it.

A page that was given to MADV_FREE is dropped unless it is dirty. What a device stores sets no dirty
bit: the page is marked when the device has finished. Reclaim saw a clean page and took it away from
the process; that somebody else refers to it only kept it from being freed.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    RECLAIM_KEEPS_LAZYFREE_PINNED,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.pinned_reclaimed import SCENARIO
from mmspec.spec.page.rmap import try_to_unmap_one

BUG = Bug(
    fixed=RECLAIM_KEEPS_LAZYFREE_PINNED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("free_base/direct_read/reclaim",),
    violates=no_store_is_lost,
    key_steps=(
        "direct_read: gup_pte_range",
        "reclaim: try_to_unmap_one: writes val",
        "direct_read: set_page_dirty_lock",
        "direct_read: cpu_load",
    ),
    steps=113,
    states=4_072,
    exhausted=4_496,
    reached=(try_to_unmap_one,),
)
