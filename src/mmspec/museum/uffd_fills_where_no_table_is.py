"""UFFDIO_COPY finds no page table where it has just seen to one.

Somebody else mapped a huge page in between, so that there was no table to be allocated, and threw
it away again. UFFDIO_COPY looked at the PMD once more, saw nothing huge, and took it for a table.
That takes memory that is registered and may yet be filled by ordinary faults: since v5.7 it may be
registered for write protection only.
"""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_FILL_WANTS_A_TABLE, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_BUG_is_hit
from mmspec.scenarios.filled import SCENARIO
from mmspec.spec.page.userfaultfd import mcopy_atomic_pte

BUG = Bug(
    fixed=UFFD_FILL_WANTS_A_TABLE,
    kernel=v4_14_fixed.with_(USERFAULTFD_WP, UFFD_FILL_WANTS_A_TABLE),
    scenario=SCENARIO,
    cases=("tracked/fill/use_and_drop",),
    violates=no_BUG_is_hit,
    key_steps=(
        "use_and_drop: __do_huge_pmd_anonymous_page",
        "fill: pte_alloc",
        "use_and_drop: zap_huge_pmd",
        "fill: mcopy_atomic",
    ),
    steps=42,
    states=2_869,
    exhausted=11_919,
    reached=(mcopy_atomic_pte,),
    introduced=USERFAULTFD_WP,
)
