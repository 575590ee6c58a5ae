"""fork() shares a page that a device may write to.

Parent and child share all pages until one of them stores. What a device stores is seen by both; and
when the parent stores first, it is the parent who gets a copy, and the device goes on with the
child's page. Nobody could tell that a page was pinned: who used devices had to keep such memory
from children (MADV_DONTFORK). Since v5.9 a pinned page stays the parent's, and the child gets the
copy.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    FORK_COPIES_PINNED_PAGES,
    FORK_SPLITS_PINNED_THP,
    FORK_STOPS_GUP_FAST,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.memory import copy_present_page

BUG = Bug(
    fixed=FORK_COPIES_PINNED_PAGES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/direct_io/inherit",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "direct_io: gup_pte_range",
        "inherit: ptep_set_wrprotect",
        "direct_io: store_to_pinned: writes data",
    ),
    steps=73,
    states=1_324,
    exhausted=2_735,
    reached=(copy_present_page,),
    with_it=(FORK_SPLITS_PINNED_THP, FORK_STOPS_GUP_FAST),
)
