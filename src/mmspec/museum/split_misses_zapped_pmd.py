"""A split passes by a huge PMD that is just being zapped.

Zapping clears the PMD, and then takes the mapping off the page's count, under one lock. A split
that looked without the lock in between found no PMD to split, and the page still mapped. v3.15
(b5a8cad376ee) had made splits look under the lock; after the rework of v4.5 they did not, and had
to learn it again. The kernel here has not got what waits for zaps today, 732ed55823fc.
"""

from __future__ import annotations

from mmspec.kernels.changes import FREEZE_CHECKS_PMD_UNDER_LOCK, SPLIT_WAITS_FOR_ZAP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.seed import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page, zap_huge_pmd

BUG = Bug(
    fixed=FREEZE_CHECKS_PMD_UNDER_LOCK,
    kernel=v4_14_fixed.without(SPLIT_WAITS_FOR_ZAP),
    scenario=SCENARIO,
    cases=("huge/split/zap",),
    violates=no_warning_is_printed,
    key_steps=(
        "zap: zap_huge_pmd: writes val",
        "split: split_huge_pmd_address: reads val",
        "split: VM_WARN_ON_ONCE_PAGE",
    ),
    steps=56,
    states=2_068,
    exhausted=13_512,
    reached=(__split_huge_page, zap_huge_pmd),
)
