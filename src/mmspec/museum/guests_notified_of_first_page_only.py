"""A guest goes on using tails of a huge page that has been moved.

For every PTE that it cleared, try_to_unmap() told MMU notifiers of the same address: that of the
huge page's first page. Guests kept their translations of the others, and what they stored by them
after the page was copied was lost. The fix is as old as v4.13, where only splitting unmaps several
pages at a time, and they stay where they are; migration of whole huge pages would have made it
harmful.
"""

from __future__ import annotations

from mmspec.kernels.changes import MIGRATION_SPLITS_QUEUED_THP, UNMAP_NOTIFIES_OF_RANGE
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.entries import no_processor_reaches_a_page_that_has_moved
from mmspec.scenarios.guests import SCENARIO
from mmspec.spec.page.kvm_mmu import tdp_page_fault
from mmspec.spec.page.migrate import remove_migration_pte

BUG = Bug(
    fixed=UNMAP_NOTIFIES_OF_RANGE,
    kernel=v4_14_fixed.without(MIGRATION_SPLITS_QUEUED_THP),
    scenario=SCENARIO,
    cases=("guest_small/move/run",),
    violates=no_processor_reaches_a_page_that_has_moved,
    key_steps=(
        "move: mmu_notifier_invalidate_page",
        "move: copy_moved_highpage: writes moved",
    ),
    steps=183,
    states=1_813,
    exhausted=61_329,
    reached=(remove_migration_pte, tdp_page_fault),
)
