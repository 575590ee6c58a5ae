"""A huge page that a userfaultfd has write-protected is not protected any more once it has moved.

Migration entries of huge PMDs have a bit for this, and whoever makes a PMD of one looks at it. Who
makes an entry of a PMD did not set it: the process never heard of the next store.
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
    cases=("protected/move/write/allow",),
    violates=no_store_to_a_protected_page_goes_unreported,
    key_steps=(
        "move: set_pmd_migration_entry",
        "move: remove_migration_pmd",
        "write: do_huge_pmd_wp_page",
        "write: cpu_store",
    ),
    steps=152,
    states=25_985,
    exhausted=74_219,
    reached=(change_huge_pmd, remove_migration_pmd),
    introduced=USERFAULTFD_WP,
)
