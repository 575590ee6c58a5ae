"""Forms in which the series was posted before it was merged, and readings of its messages.

None of these was released. They exist to answer what the bug of the series' third patch was: its
message speaks of code that no release ever had.
"""

from __future__ import annotations

from mmspec.kernels.change import Change, name_changes
from mmspec.kernels.changes import FREEZE_IN_ONE_CALL, MBIND_MOVES_THP, THP_MIGRATION

BRANCH_AT_TOP = Change(
    subject="mm: thp: enable thp migration in generic path (v2: the branch opens the function)",
    release="v4.9 era",
    needs=(THP_MIGRATION,),
)
BRANCH_HEAD_ONLY_WITH_PSE = Change(
    subject="mm: thp: enable thp migration in generic path (v1: head only, entry keeps PSE)",
    release="v4.5 era",
    needs=(THP_MIGRATION,),
)
BRANCH_ON_ANY_SUBPAGE = Change(
    subject="the message of the third patch, read literally: a tail overwrites any PMD",
    release="reading",
    needs=(THP_MIGRATION,),
)
CONVERT_PRESENT_PMD_ONLY = Change(
    subject="the same, but only where the PMD is huge or a table, not a migration entry",
    release="reading",
    needs=(BRANCH_ON_ANY_SUBPAGE,),
)
FREEZE_WITHOUT_PMD_SPLIT = Change(
    subject="freeze_page() forgets to ask for PMDs to be split first",
    release="mutant",
)

QUEUE_TAKES_ANY_PMD = Change(
    subject="queue_pages_pmd() takes a migration entry for a huge page",
    release="mutant",
    needs=(MBIND_MOVES_THP,),
)
SPLIT_ANY_PMD = Change(
    subject="__split_huge_pmd() does not compare the PMD's page with the one it was given",
    release="mutant",
)
WALK_REUSES_FIRST_PMD = Change(
    subject="page_vma_mapped_walk() looks twice at the PMD, and uses the first value again",
    release="reading",
    needs=(FREEZE_IN_ONE_CALL,),
)
WALK_MATCHES_ANY_PMD = Change(
    subject="page_vma_mapped_walk() does not compare the PMD's page with the one it looks for",
    release="mutant",
    needs=(FREEZE_IN_ONE_CALL,),
)

name_changes(globals())
