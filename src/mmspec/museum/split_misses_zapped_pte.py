"""A split gives up because it walked past a PTE that was just being zapped.

Zapping clears a PTE, and only then takes the mapping off the page's count. A split that looks
without the lock in between sees an empty PTE, passes it by, and finds the page still mapped.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SPLIT_WAITS_FOR_ZAP,
)
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_warning_is_printed
from mmspec.scenarios.seed import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory import zap_pte_range

BUG = Bug(
    fixed=SPLIT_WAITS_FOR_ZAP,
    kernel=SCENARIO.kernel("v4.14 fixed"),
    scenario=SCENARIO,
    cases=("small/split/zap",),
    violates=no_warning_is_printed,
    key_steps=(
        "zap: zap_pte_range: writes val",
        "split: page_vma_mapped_walk: reads val",
        "split: VM_WARN_ON_ONCE_PAGE",
    ),
    steps=106,
    states=6_540,
    exhausted=13_832,
    reached=(__split_huge_page, zap_pte_range),
)
