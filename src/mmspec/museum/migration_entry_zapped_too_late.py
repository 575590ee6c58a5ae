"""A migration frees a page of which a zap is still asking.

zap_huge_pmd() has cleared a migration entry, and asks the page whether it is anonymous. The
migration's walk, which looks without the lock, finds no entry, waits for nobody, and frees the
page: the answer is no, and the counts are wrong for good. The fix is of another fault; this one
ends with it, since the walk takes the PMD's lock.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SPLIT_WAITS_FOR_ZAP,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.accounts import rss_equals_what_page_tables_hold
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=SPLIT_WAITS_FOR_ZAP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap",),
    violates=rss_equals_what_page_tables_hold,
    key_steps=(
        "move: set_pmd_migration_entry: writes val",
        "zap: zap_huge_pmd: writes val",
        "move: free_pages_ok",
        "zap: add_mm_counter: writes rss",
    ),
    steps=148,
    states=7_390,
    exhausted=8_020,
    reached=(zap_huge_pmd,),
)
