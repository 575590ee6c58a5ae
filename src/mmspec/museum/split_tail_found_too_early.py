"""A reference to a tail is dropped as one to the head.

A split gave each tail a reference before it was no tail any more. Whoever goes over all frames can
take another in between, and drop it as one of the head, which is frozen at zero.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    SPLIT_TAIL_PUBLISHED_LAST,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.splits import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page

BUG = Bug(
    fixed=SPLIT_TAIL_PUBLISHED_LAST,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/split/split",),
    violates=no_assertion_fails,
    key_steps=(
        "split: __split_huge_page_tail: writes _refcount",
        "split: get_page_unless_zero: writes _refcount",
        "split: put_page_testzero",
    ),
    steps=172,
    states=8_831,
    exhausted=31_474,
    reached=(__split_huge_page,),
)
