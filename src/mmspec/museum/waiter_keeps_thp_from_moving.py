"""Whoever waits for a page to be moved keeps it from being moved.

A fault on a migration entry took a reference on the page and slept until it was unlocked. Migration
needs to have the only reference: it gave up, put the mapping back, and tried again, ten times. The
waiter need not have woken up by then. It needs no reference: the page lock that it waits for
outlives the entry.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    MIGRATION_WAIT_TAKES_NO_REFERENCE,
)
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import pages_are_on_the_nodes_they_are_bound_to
from mmspec.scenarios.bound import SCENARIO
from mmspec.spec.page.migrate import migration_entry_wait_on_locked

BUG = Bug(
    fixed=MIGRATION_WAIT_TAKES_NO_REFERENCE,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("family/bind/read",),
    violates=pages_are_on_the_nodes_they_are_bound_to,
    key_steps=(
        "bind: set_pmd_migration_entry: writes val",
        "read: get_page_unless_zero: writes _refcount",
        "bind: migrate_page_move_mapping",
        "bind: putback_movable_pages",
    ),
    steps=334,
    states=3_726,
    exhausted=1_372,
    reached=(migration_entry_wait_on_locked,),
)
