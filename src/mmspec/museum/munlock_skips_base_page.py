"""munlock() passes by a page because a huge page comes before it.

A huge page that PTEs map is never mlocked, and need not be mapped whole. munlock() took it for one
that a PMD maps, and went on behind it: a base page in a place where a subpage had been thrown away
stayed mlocked in a mapping that was not locked any more.
"""

from __future__ import annotations

from mmspec.kernels.changes import MUNLOCK_SKIPS_ONLY_MLOCKED_THP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import mlocked_pages_are_in_locked_mappings
from mmspec.scenarios.locks import SCENARIO
from mmspec.spec.page.mlock_vmas import munlock_vma_pages_range

BUG = Bug(
    fixed=MUNLOCK_SKIPS_ONLY_MLOCKED_THP,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("locked_in_part/unlock",),
    violates=mlocked_pages_are_in_locked_mappings,
    key_steps=("unlock: munlock_vma_page",),
    steps=21,
    states=22,
    exhausted=64,
    reached=(munlock_vma_pages_range,),
)
