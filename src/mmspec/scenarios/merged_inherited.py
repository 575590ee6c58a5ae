"""KSM makes a page a merged one, which is forked and then merged with nothing.

ksmd first makes one of two pages a merged one, and then replaces the other by it. If that fails it
takes the first step back, where it made it: a child that was forked in between keeps a merged page
that has no node. Nothing finds where it is mapped: it is neither moved nor reclaimed, until
something is stored to it. No kernel here does better, and no harm is done but that.
"""

from __future__ import annotations

from mmspec.properties.accounts import the_reverse_map_finds_every_mapping
from mmspec.scenarios.merged import SCENARIO as MERGED
from mmspec.scenarios.merged import alike, merge
from mmspec.scenarios.scenario import USUAL_ROWS, Case, Scenario, Witness
from mmspec.spec.machine.sizes import PAGE_SIZE, USER_BASE
from mmspec.spec.page.ksmd import break_cow
from mmspec.spec.page.syscalls import fork, load, store


def inherit_and_write() -> None:
    """fork(2); then store to the first page, and look at both."""
    fork(2)
    store(USER_BASE, 2)
    load(USER_BASE)
    load(USER_BASE + PAGE_SIZE)


SCENARIO = Scenario(
    name="merged_inherited",
    title="pages are merged while their process forks, and stores to one of them",
    cases=(Case("alike/inherit_and_write/merge", alike, (inherit_and_write, merge)),),
    rows=USUAL_ROWS,
    config=MERGED.config,
    witnesses=(Witness("a merge is taken back", break_cow),),
    explanation=__doc__,
    violated_anyway=(the_reverse_map_finds_every_mapping,),
)
