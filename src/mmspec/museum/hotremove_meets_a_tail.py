"""Hot-remove asks a tail whether it is a huge page.

The scan for what can be moved passed by a huge page that somebody else had isolated, and who put it
back just then: the first frame that was found to be on the LRU was a tail. PageTransHuge() is not
to be asked of one.
"""

from __future__ import annotations

from mmspec.kernels.changes import HOTREMOVE_STEPS_OVER_ANY_PART
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.in_step import no_assertion_fails
from mmspec.scenarios.offlined import SCENARIO
from mmspec.spec.page.memory_hotplug import do_migrate_range
from mmspec.spec.page.swap import putback_lru_page

BUG = Bug(
    fixed=HOTREMOVE_STEPS_OVER_ANY_PART,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("huge/offline/move",),
    violates=no_assertion_fails,
    key_steps=(
        "offline: scan_movable_pages",
        "move: lru_cache_add",
        "offline: scan_movable_pages",
        "offline: PageTransHuge",
    ),
    steps=149,
    states=4_211,
    exhausted=4_512,
    reached=(do_migrate_range, putback_lru_page),
)
