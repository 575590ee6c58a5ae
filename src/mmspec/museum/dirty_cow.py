"""A debugger's store goes to a page that was never to be written to.

Who writes to memory that the process may only read (ptrace, /proc/PID/mem) gets a copy first. That
the copy had been made was remembered by forgetting about the store: get_user_pages() looked for the
page again as a reader would. When the copy was thrown away meanwhile it found what readers find:
the zero page, or a page of a file. The store went there.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    GUP_BREAKS_COW,
    GUP_KEEPS_FOLL_WRITE,
    THP_FOLLOWED_AFTER_COW,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import zero_pages_are_zero
from mmspec.scenarios.zero_pages import SCENARIO
from mmspec.spec.page.gup import follow_page
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=GUP_KEEPS_FOLL_WRITE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("read_only/debug/zap",),
    violates=zero_pages_are_zero,
    key_steps=(
        "debug: faultin_page",
        "zap: zap_huge_pmd",
        "debug: do_huge_pmd_anonymous_page",
        "debug: store_to_pinned: writes data",
    ),
    steps=94,
    states=3_820,
    exhausted=5_123,
    reached=(
        follow_page,
        zap_huge_pmd,
    ),
    with_it=(GUP_BREAKS_COW, THP_FOLLOWED_AFTER_COW),
)
