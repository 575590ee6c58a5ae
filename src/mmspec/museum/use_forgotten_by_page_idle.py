"""A page that is used counts as idle, because its last entry has not been.

Looking at a huge page that PTEs map clears the accessed bit of one after the other. Each overwrote
what the one before had said: the bit was gone, and the page stayed idle.
"""

from __future__ import annotations

from mmspec.kernels.changes import PAGE_IDLE_COLLECTS_ACCESSES
from mmspec.kernels.releases import v4_14_fixed
from mmspec.museum.bug import Bug
from mmspec.properties.marks import what_was_stored_to_is_not_idle
from mmspec.scenarios.idle import SCENARIO
from mmspec.spec.page.page_idle import page_idle_clear_pte_refs_one

BUG = Bug(
    fixed=PAGE_IDLE_COLLECTS_ACCESSES,
    kernel=v4_14_fixed,
    scenario=SCENARIO,
    cases=("idle_by_PTEs/look/touch",),
    violates=what_was_stored_to_is_not_idle,
    key_steps=(
        "touch: cpu_store: writes val",
        "look: ptep_test_and_clear_young: writes val",
        "look: page_idle_clear_pte_refs_one",
    ),
    steps=85,
    states=226,
    exhausted=228,
    reached=(page_idle_clear_pte_refs_one,),
)
