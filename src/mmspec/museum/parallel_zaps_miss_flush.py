"""MADV_DONTNEED returns while the caller's processor still has what was thrown away.

Two threads throw the same memory away. The first clears the entries; it flushes when its batch is
complete. The second finds them clear: it has nothing to flush, and returns. Until the first one
flushes, loads of the second find old data in its TLB. Now those who gather count themselves, and
who is not alone flushes all of its range.
"""

from __future__ import annotations

from mmspec.kernels.changes import PARALLEL_ZAPS_FLUSH
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.zaps import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=PARALLEL_ZAPS_FLUSH,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("whole/zap/zap_and_look",),
    violates=no_store_is_lost,
    key_steps=(
        "zap_and_look: load",
        "zap: zap_huge_pmd: writes val",
        "zap_and_look: zap_page_range",
        "zap_and_look: load",
    ),
    steps=10,
    states=89,
    exhausted=3_845,
    reached=(zap_huge_pmd,),
)
