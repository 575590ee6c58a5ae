"""zap_page_range() returns with PTEs of its range in TLBs that others have cleared.

The same fault as in `parallel_zaps_miss_flush`, and what was done about it first: the range is
flushed, whatever was found there. Since the other fix came in as well, this one was taken back in
v4.19; either is enough. The kernel here has only this one.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    PARALLEL_ZAPS_FLUSH,
    ZAP_FLUSHES_ALL_ITS_RANGE,
    ZAP_LEAVES_FLUSHES_TO_GATHER,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.zaps import SCENARIO
from mmspec.spec.page.memory import zap_pte_range

BUG = Bug(
    fixed=ZAP_FLUSHES_ALL_ITS_RANGE,
    kernel=v4_14_fixed.without(PARALLEL_ZAPS_FLUSH, ZAP_LEAVES_FLUSHES_TO_GATHER),
    scenario=SCENARIO,
    cases=("in_part/zap/zap_and_look",),
    violates=no_store_is_lost,
    key_steps=(
        "zap_and_look: load",
        "zap: zap_pte_range: writes val",
        "zap_and_look: zap_page_range",
        "zap_and_look: load",
    ),
    steps=69,
    states=1_238,
    exhausted=3_871,
    reached=(zap_pte_range,),
)
