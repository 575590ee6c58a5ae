"""The oom reaper unmaps a whole address space as if nobody used it any more.

Some architectures do not flush TLBs then: nobody will ever use these translations. The threads of a
process that is to die can, until they notice. x86 flushes all the same.
"""

from __future__ import annotations

from mmspec.kernels.changes import OOM_REAPER_GATHERS_EACH_VMA
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_freed_page_through_its_TLB
from mmspec.scenarios.reaped import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd

BUG = Bug(
    fixed=OOM_REAPER_GATHERS_EACH_VMA,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("doomed/linger/reap", "doomed_together/linger/heed/reap"),
    violates=no_processor_reaches_a_freed_page_through_its_TLB,
    key_steps=(),
    steps=0,
    states=9_026,
    exhausted=9_026,
    reached=(zap_huge_pmd,),
    not_here="x86 flushes when a whole address space is unmapped, too",
)
