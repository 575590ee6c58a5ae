"""A migration entry is asked whether it maps the huge zero page.

is_huge_zero_pmd() took a frame number from whatever a PMD held. Of a migration entry that number is
made of the entry's type and a part of the page's frame.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    HUGE_ZERO_TEST_WANTS_PRESENT,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_BUG_is_hit
from mmspec.scenarios.zero_pages import SCENARIO
from mmspec.spec.page.huge_memory import zap_huge_pmd
from mmspec.spec.page.huge_zero_page import is_huge_zero_pmd

BUG = Bug(
    fixed=HUGE_ZERO_TEST_WANTS_PRESENT,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("no_longer_zero/move/zap",),
    violates=no_BUG_is_hit,
    key_steps=(),
    steps=0,
    states=15_024,
    exhausted=14_976,
    reached=(
        zap_huge_pmd,
        is_huge_zero_pmd,
    ),
    not_here="that number ends in bits of the type that are set: no huge page has it",
)
