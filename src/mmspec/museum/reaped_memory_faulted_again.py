"""A killed process reads zeros where its memory was.

The oom reaper takes the memory of a process that is to die. Until its threads notice they go on: a
fault mapped a new page, and what was computed from it, or written to a file, was wrong.
"""

from __future__ import annotations

from mmspec.kernels.changes import NO_FAULT_IN_REAPED_MEMORY
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_is_lost
from mmspec.scenarios.reaped import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.memory import do_anonymous_page, zap_pte_range

BUG = Bug(
    fixed=NO_FAULT_IN_REAPED_MEMORY,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("doomed/linger/reap", "doomed_in_pieces/linger/reap"),
    violates=no_store_is_lost,
    key_steps=(
        "reap: zap_huge_pmd",
        "linger: do_huge_pmd_anonymous_page",
        "linger: cpu_load",
    ),
    steps=42,
    states=5_151,
    exhausted=7_696,
    reached=(zap_huge_pmd, zap_pte_range, do_anonymous_page),
)
