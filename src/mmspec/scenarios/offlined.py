"""A node's memory is taken offline while a process uses a huge page there.

Hot-remove goes over frames: it takes neither mmap_sem nor the lock of any page table to find what
there is, and comes upon huge pages that are being split, moved or freed.
"""

from __future__ import annotations

from mmspec.kernels.changes import HOTREMOVE_COUNTS_WHAT_IT_ISOLATES, THP_MIGRATION
from mmspec.kernels.releases import LATER_FIXES, v4_13, v4_14
from mmspec.lang import Config
from mmspec.scenarios.moves import move
from mmspec.scenarios.scenario import Case, Row, Scenario, Witness, crossed
from mmspec.scenarios.seed import both, huge, inherit, small, split, write, zap
from mmspec.spec.machine.sizes import HPAGE_PMD_NR
from mmspec.spec.page.huge_memory import remove_migration_pmd
from mmspec.spec.page.memory_hotplug import offline_pages
from mmspec.spec.page.migrate import migrate_page_move_mapping


def offline() -> None:
    """Take the frames offline that a huge page lies in."""
    offline_pages(0, HPAGE_PMD_NR)


#: With the fix of a count that would become smaller with every attempt, without end.
_v4_14 = v4_14.with_(HOTREMOVE_COUNTS_WHAT_IT_ISOLATES)

SCENARIO = Scenario(
    name="offlined",
    title="memory is taken offline while a huge page in it is used, split, moved or thrown away",
    cases=(
        *(Case(f"{s.__name__}/offline", s, (offline,)) for s in (huge, small, both)),
        *crossed((huge,), (offline,), (write, zap, inherit, move)),
        *crossed((small,), (offline,), (split,)),
    ),
    rows=(
        Row("v4.13", v4_13, "as released: huge pages are split to be moved"),
        Row("v4.14", _v4_14, "as released, but for the count of isolated pages"),
        Row("v4.14 fixed", v4_14.with_(*LATER_FIXES), "with later fixes"),
    ),
    config=Config.of(
        order=2, frames=24, tasks=3, mms=3, vmas=3, anon_vmas=3, avcs=6, tables=6, migrate_passes=1
    ),
    witnesses=(
        Witness("a page is moved", migrate_page_move_mapping),
        Witness("a migration entry becomes a huge PMD", remove_migration_pmd, (THP_MIGRATION,)),
    ),
    explanation=__doc__,
)
