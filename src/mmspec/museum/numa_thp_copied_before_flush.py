"""A huge page is moved while a processor can still write to the old one.

The scanner takes access away from a whole range, and flushes in the end. A fault in between moved
the page; a processor that had not been told yet stored to the old page after it had been copied.
Since then who moves a page asks whether a flush is pending, and does it first.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PENDING_FLUSHES_ARE_NOTED,
)
from mmspec.kernels.releases import v4_10_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.balanced import SCENARIO
from mmspec.spec.page.migrate import migrate_misplaced_transhuge_page

BUG = Bug(
    fixed=PENDING_FLUSHES_ARE_NOTED,
    kernel=v4_10_fixed,
    scenario=SCENARIO,
    cases=("crowd/write/use/scan",),
    violates=no_store_is_lost,
    key_steps=(
        "scan: change_huge_pmd: writes val",
        "use: copy_highpage",
        "write: cpu_store",
    ),
    steps=73,
    states=2_077,
    exhausted=9_446,
    reached=(migrate_misplaced_transhuge_page,),
)
