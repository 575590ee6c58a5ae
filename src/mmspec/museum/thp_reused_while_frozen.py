"""Two processes write to one huge page.

do_huge_pmd_wp_page() reuses a huge page that is mapped once. It asked without the page lock: a
split that had replaced another process's PTEs by migration entries, and not yet put them back, made
it say so wrongly.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    THP_WP_UNDER_PAGE_LOCK,
)
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_page_that_others_map_is_writable
from mmspec.scenarios.seed import SCENARIO
from mmspec.spec.page.huge_memory import do_huge_pmd_wp_page
from mmspec.spec.page.migrate import remove_migration_pte

BUG = Bug(
    fixed=THP_WP_UNDER_PAGE_LOCK,
    kernel=SCENARIO.kernel("v4.13 fixed"),
    scenario=SCENARIO,
    cases=("both/bind/write",),
    violates=no_page_that_others_map_is_writable,
    key_steps=(
        "bind: try_to_unmap_one: writes val",
        "write: page_trans_huge_mapcount",
        "write: do_huge_pmd_wp_page: writes val",
    ),
    steps=108,
    states=6_899,
    exhausted=255_732,
    reached=(do_huge_pmd_wp_page, remove_migration_pte),
)
