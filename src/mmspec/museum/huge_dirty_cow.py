"""A debugger's store goes to the huge zero page, which a reader has made dirty.

Since "dirty COW", a dirty entry proves to get_user_pages() that the page was copied for its store.
But whoever read through get_user_pages() made a huge PMD dirty as well, whatever it mapped: also
that of the huge zero page, where the copy had been thrown away.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    GUP_BREAKS_COW,
    TOUCH_DIRTIES_FOR_WRITE_ONLY,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import zero_pages_are_zero
from mmspec.scenarios.zero_pages import SCENARIO
from mmspec.spec.page.gup import touch_pmd
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=TOUCH_DIRTIES_FOR_WRITE_ONLY,
    kernel=v4_14_fixed.without(GUP_BREAKS_COW),
    scenario=SCENARIO,
    cases=("read_only/debug/zap_and_look",),
    violates=zero_pages_are_zero,
    key_steps=(
        "debug: faultin_page: writes flags",
        "zap_and_look: zap_huge_pmd",
        "zap_and_look: touch_pmd",
        "debug: touch_pmd",
        "debug: store_to_pinned: writes data",
    ),
    steps=117,
    states=43_725,
    exhausted=49_730,
    reached=(
        touch_pmd,
        zap_huge_pmd,
    ),
    with_it=(GUP_BREAKS_COW,),
)
