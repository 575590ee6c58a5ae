"""A page that has just been moved is asked what it is, when it is unlocked.

Whether it goes to the LRU depended on the new page's mapping. A page of a driver could lose that as
soon as it was unlocked, and was then put on the LRU.
"""

from __future__ import annotations

from mmspec.kernels.changes import MOVED_PAGES_KIND_KNOWN_BEFORE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.moves import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd, zap_huge_pmd

BUG = Bug(
    fixed=MOVED_PAGES_KIND_KNOWN_BEFORE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/move/zap",),
    violates=no_assertion_fails,
    key_steps=(),
    steps=0,
    states=8_059,
    exhausted=8_020,
    reached=(remove_migration_pmd, zap_huge_pmd),
    not_here="the mapping of an anonymous page is not cleared while somebody has a reference",
)
