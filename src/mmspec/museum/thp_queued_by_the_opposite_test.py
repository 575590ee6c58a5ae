"""mbind() leaves a huge page where it may not be.

Whether a page is on a wrong node is asked for PTEs and for PMDs; MPOL_MF_INVERT turns the answer
around. The first patch of the series gives the question one place. No release had this fault: the
answer for PMDs is turned around once more.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    QUEUE_PAGES_REQUIRED,
)
from mmspec.kernels.drafts import QUEUE_PMD_ON_WRONG_NODE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.alone import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd

BUG = Bug(
    fixed=QUEUE_PAGES_REQUIRED,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/bind",),
    violates=pages_are_on_the_nodes_they_are_bound_to,
    key_steps=(
        "bind: queue_pages_pmd",
        "bind: mbind_range",
    ),
    steps=5,
    states=6,
    exhausted=152,
    reached=(remove_migration_pmd,),
    mutant=QUEUE_PMD_ON_WRONG_NODE,
)
