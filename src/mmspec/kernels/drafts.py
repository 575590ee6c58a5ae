"""Forms in which the series was posted before it was merged, and readings of its messages.

None of these was released. They exist to answer what the bug of the series' third patch was: its
message speaks of code that no release ever had.
"""

from __future__ import annotations

from mmspec.kernels.change import Change, name_changes
from mmspec.kernels.changes import (
    ARCH_ENABLE_THP_MIGRATION,
    FREEZE_IN_ONE_CALL,
    MBIND_MOVES_THP,
    MOVE_PAGES_MOVES_THP,
    PMD_MIGRATION_IN_COMMON_PATHS,
    QUEUE_PAGES_REQUIRED,
    SOFT_DIRTY_OVER_THP_MIGRATION,
    THP_MIGRATION,
)

NUMA_HOLDS_NEW_THP = Change(
    subject="migrate_misplaced_transhuge_page() holds the new page until that is unlocked",
    release="ours",
)
PMD_SPLIT_HOLDS_WHAT_IT_UNLOCKS = Change(
    subject="__split_huge_pmd() holds the page that it has locked until that is unlocked",
    release="ours",
)

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

PMD_ENTRY_WITHOUT_FLUSH = Change(
    subject="mm: thp: enable thp migration in generic path (v2: the PMD is cleared, not flushed)",
    release="v4.9 era",
    needs=(THP_MIGRATION,),
)
PMD_ENTRY_BY_WAY_OF_NONE = Change(
    subject="mm: thp: enable thp migration in generic path (v3 to v7: the PMD is none for a while)",
    release="v4.11 era",
    needs=(THP_MIGRATION,),
)
ZAP_UNMAPS_MIGRATION_PMD = Change(
    subject="zap_huge_pmd() gives up a mapping and a reference also for a migration entry",
    release="mutant",
    needs=(THP_MIGRATION, PMD_MIGRATION_IN_COMMON_PATHS),
)
ZAP_KEEPS_TABLE_OF_MIGRATION_PMD = Change(
    subject="zap_huge_pmd() keeps the table that was set aside for a migration entry",
    release="mutant",
    needs=(THP_MIGRATION, PMD_MIGRATION_IN_COMMON_PATHS),
)
DESTINATIONS_ARE_SMALL = Change(
    subject="migrate_pages(2) offers base pages only",
    release="mutant",
    needs=(MBIND_MOVES_THP,),
)
ARCH_PMD_PRESENT_UNLESS_NONE = Change(
    subject="an architecture where a PMD is present unless it is none is given THP migration",
    release="mutant",
    needs=(ARCH_ENABLE_THP_MIGRATION,),
)
ARCH_MKDIRTY_MAKES_WRITABLE = Change(
    subject="an architecture where pte_mkdirty() lets the processor write",
    release="mutant",
)
ARCH_INVALID_PMD_IS_PRESENT = Change(
    subject="an architecture where pmd_mkinvalid() makes whatever it is given a huge page",
    release="mutant",
)
QUEUE_PMD_ON_WRONG_NODE = Change(
    subject="queue_pages_pmd() asks for the opposite of what queue_pages_required() tells",
    release="mutant",
    needs=(QUEUE_PAGES_REQUIRED, MBIND_MOVES_THP),
)
MOVE_PAGES_ISOLATES_TAIL = Change(
    subject="move_pages(2) isolates the tail that an address names, not the huge page",
    release="mutant",
    needs=(MOVE_PAGES_MOVES_THP,),
)
FOLLOW_TAKES_ANY_PMD = Change(
    subject="follow_page() takes a migration entry for a page table",
    release="mutant",
    needs=(THP_MIGRATION,),
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
MREMAP_FORGETS_MIGRATION_PMD = Change(
    subject="move_soft_dirty_pmd() leaves migration entries as they are",
    release="mutant",
    needs=(SOFT_DIRTY_OVER_THP_MIGRATION,),
)

NEW_VMA_VISITED_FIRST = Change(
    subject="the reverse map visits the younger of two VMAs with one offset first",
    release="mutant",
)

name_changes(globals())
