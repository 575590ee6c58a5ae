"""A userfaultfd write-protects a huge page while that is being moved, and nothing comes of it.

Of migration entries of huge PMDs only those that were writable were changed, to read-only ones. One
that was read-only before was left alone, without the bit that says why it must stay so.
"""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_WP_OVER_THP_MIGRATION, USERFAULTFD_WP
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_store_to_a_protected_page_goes_unreported
from mmspec.scenarios.write_protected import SCENARIO
from mmspec.spec.page.huge_memory import change_huge_pmd, remove_migration_pmd

BUG = Bug(
    fixed=UFFD_WP_OVER_THP_MIGRATION,
    kernel=v4_14_fixed.with_(USERFAULTFD_WP, UFFD_WP_OVER_THP_MIGRATION),
    scenario=SCENARIO,
    cases=("unprotected/move/protect_and_store/allow",),
    violates=no_store_to_a_protected_page_goes_unreported,
    key_steps=(
        "move: set_pmd_migration_entry",
        "protect_and_store: change_huge_pmd",
        "move: remove_migration_pmd",
        "protect_and_store: cpu_store",
    ),
    steps=159,
    states=23_230,
    exhausted=64_115,
    reached=(change_huge_pmd, remove_migration_pmd),
    introduced=USERFAULTFD_WP,
)
