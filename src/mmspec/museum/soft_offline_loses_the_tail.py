"""A tail is to be taken out of use, and the split of its huge page frees it.

A split leaves the caller's reference with the page it was asked to split, and frees what nothing
maps. It was given the head: the tail, which had been thrown away by its process, was freed, and
soft offline went on with it as if it had a reference.
"""

from __future__ import annotations

from mmspec.kernels.changes import SOFT_OFFLINE_PINS_THE_PAGE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.soft_offlined import SCENARIO
from mmspec.spec.page.huge_memory import __split_huge_page
from mmspec.spec.page.memory_failure import __soft_offline_page

BUG = Bug(
    fixed=SOFT_OFFLINE_PINS_THE_PAGE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("small/soften",),
    violates=no_assertion_fails,
    key_steps=(
        "soften: get_hwpoison_page",
        "soften: __split_huge_page",
        "soften: free_pages_ok",
        "soften: __soft_offline_page",
        "soften: put_page_testzero",
    ),
    steps=321,
    states=322,
    exhausted=341,
    reached=(__split_huge_page, __soft_offline_page),
)
