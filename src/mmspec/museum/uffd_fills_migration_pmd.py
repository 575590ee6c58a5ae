"""UFFDIO_COPY takes the migration entry of a huge page for the address of a page table.

All it asked of a PMD was whether it is a huge page, or none: an entry for a huge page that is being
moved is neither. Kernels before v6.5 then went on with what no table is.
"""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_FILL_WANTS_A_TABLE, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import the_kernel_does_not_oops
from mmspec.scenarios.filled import SCENARIO
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.userfaultfd import mcopy_atomic_pte

BUG = Bug(
    fixed=UFFD_FILL_WANTS_A_TABLE,
    kernel=v4_14_fixed.with_(USERFAULTFD_WP, UFFD_FILL_WANTS_A_TABLE),
    scenario=SCENARIO,
    cases=("tracked/fill/use_and_move",),
    violates=the_kernel_does_not_oops,
    key_steps=(
        "use_and_move: set_pmd_migration_entry",
        "fill: mcopy_atomic",
        "fill: mcopy_atomic_pte",
    ),
    steps=99,
    states=7_444,
    exhausted=15_320,
    reached=(
        mcopy_atomic_pte,
        remove_migration_pmd,
    ),
    introduced=USERFAULTFD_WP,
)
