"""A page is pinned without locks just when fork() has found that it is not.

fork() looked at the page's pins and then made its entry read-only. In between get_user_pages_fast()
read the entry, took its reference, and found the entry unchanged. The pinned page is shared: the
child sees what the device stores, and the parent's next store moves the parent away from it.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    FORK_STOPS_GUP_FAST,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.memory import copy_present_page

BUG = Bug(
    fixed=FORK_STOPS_GUP_FAST,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("base/direct_io/inherit",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "inherit: copy_present_page",
        "direct_io: gup_pte_range",
        "inherit: ptep_set_wrprotect",
        "direct_io: store_to_pinned: writes data",
    ),
    steps=75,
    states=1_801,
    exhausted=2_735,
    reached=(copy_present_page,),
)
