"""KSM never merges the parts of a huge page with each other.

ksmd takes a reference on each of the two pages it compares, and then splits them, if they are parts
of huge pages. Two of one huge page have two references on it: the split fails, and does so every
time. Since the fix it is tried once more, after the second page has been let go of.
"""

from __future__ import annotations

from mmspec.kernels.changes import KSM_SPLITS_WHAT_BOTH_ARE_OF
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_of_equal_content_are_merged
from mmspec.scenarios.merged_whole import SCENARIO
from mmspec.spec.page.ksmd import replace_page, stable_tree_insert

BUG = Bug(
    fixed=KSM_SPLITS_WHAT_BOTH_ARE_OF,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("whole/scan",),
    violates=pages_of_equal_content_are_merged,
    key_steps=(
        "scan: unstable_tree_search_insert",
        "scan: try_to_merge_two_pages",
        "scan: split_huge_page_to_list",
        "scan: cmp_and_merge_page",
    ),
    steps=915,
    states=916,
    exhausted=962,
    reached=(stable_tree_insert, replace_page),
)
