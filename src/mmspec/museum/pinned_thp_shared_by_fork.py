"""fork() shares a huge page that a device may write to.

The same as with base pages, which had been looked after by the patch before: of huge pages the
PMD is split now, and the child gets copies of the base pages.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    FORK_SPLITS_PINNED_THP,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import memory_holds_what_was_stored
from mmspec.scenarios.pinned import SCENARIO
from mmspec.spec.page.huge_memory import copy_huge_pmd
from mmspec.spec.page.memory import copy_present_page

BUG = Bug(
    fixed=FORK_SPLITS_PINNED_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/direct_io/inherit",),
    violates=memory_holds_what_was_stored,
    key_steps=(
        "direct_io: gup_huge_pmd",
        "inherit: copy_huge_pmd",
        "direct_io: store_to_pinned: writes data",
    ),
    steps=71,
    states=1_411,
    exhausted=13_126,
    reached=(
        copy_present_page,
        copy_huge_pmd,
    ),
)
