"""munlock() steps into the middle of a huge page.

It goes on by as many pages as the last one it treated stood for. A huge page that is not mlocked
counted as one: next came its tail, of which nobody may ask whether it is huge. Here the page is no
longer mlocked because another process has split its PMD. The text is that of v3.13 in this respect;
v4.5 looks at tails first.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MUNLOCK_PASSES_TAILS,
    MUNLOCK_SKIPS_ONLY_MLOCKED_THP,
    MUNLOCK_SKIPS_THP,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.mlock import clear_page_mlock, munlock_vma_page

BUG = Bug(
    fixed=MUNLOCK_SKIPS_THP,
    kernel=v4_14_fixed.without(MUNLOCK_SKIPS_ONLY_MLOCKED_THP, MUNLOCK_PASSES_TAILS),
    scenario=SCENARIO,
    cases=("locked/unlock/zap_part",),
    violates=no_assertion_fails,
    key_steps=(
        "zap_part: clear_page_mlock",
        "unlock: munlock_vma_page",
        "unlock: PageTransHuge",
    ),
    steps=79,
    states=1_598,
    exhausted=1_749,
    reached=(
        munlock_vma_page,
        clear_page_mlock,
    ),
)
