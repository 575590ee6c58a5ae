"""ksmd comes again and again to a huge page whose parts are all alike, with nobody in the way."""

from __future__ import annotations

from mmspec.lang import Config
from mmspec.properties.marks import pages_of_equal_content_are_merged
from mmspec.scenarios.merged import whole
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.spec.machine.sizes import USER_BASE
from mmspec.spec.page.ksmd import unstable_tree_search_insert
from mmspec.spec.page.syscalls import fork, ksmd, store

# ------------------------------------------------------------------------------------- set-ups


def whole_family() -> None:
    """The same of two processes, parent and child, which have a huge page each."""
    whole()
    fork(1)
    store(USER_BASE, 0)
    ksmd()


# --------------------------------------------------------------------------------------- tasks


def scan() -> None:
    """ksmd comes often enough."""
    ksmd()
    ksmd()
    ksmd()
    ksmd()


SCENARIO = Scenario(
    name="merged_whole",
    title="a huge page whose parts are alike is looked at by ksmd, with nobody else there",
    cases=(
        Case("whole/scan", whole, (scan,)),
        Case("whole_family/scan", whole_family, (scan,)),
    ),
    rows=USUAL_ROWS,
    config=Config.of(
        order=2,
        frames=24,
        tasks=2,
        mms=2,
        vmas=2,
        anon_vmas=2,
        avcs=3,
        tables=4,
        stable_nodes=2,
        rmap_items=16,
    ),
    witnesses=(Witness("a page is looked for among others", unstable_tree_search_insert),),
    explanation=__doc__,
    also=(pages_of_equal_content_are_merged,),
)
