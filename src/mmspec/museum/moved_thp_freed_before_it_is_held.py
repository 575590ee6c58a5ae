"""A huge page that NUMA balancing has just mapped is thrown away before it is held.

The new page has one reference, which becomes that of its mapping. The PMD's lock is dropped, and
only then another one is taken, to put the page on the LRU; the page is still locked. MADV_DONTNEED
can free it in between. Huge pages are moved like any other since v5.14, which was not made for
this; we know no record of it.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    NUMA_MOVES_THP_AS_ANY_PAGE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.migrate import migrate_page_copy

BUG = Bug(
    fixed=NUMA_MOVES_THP_AS_ANY_PAGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("hinted/zap/use",),
    violates=no_assertion_fails,
    key_steps=(
        "use: set_pmd_at: writes val",
        "zap: zap_huge_pmd",
        "zap: put_page",
        "use: get_page",
    ),
    steps=93,
    states=3_360,
    exhausted=10_577,
    reached=(
        migrate_page_copy,
        zap_huge_pmd,
    ),
)
