"""Upstream commits that the specification's text knows, oldest first."""

from __future__ import annotations

from mmspec.kernels.change import Change, name_changes

FREEZE_IN_ONE_CALL = Change(
    commit="c7ab0d2fdc84",
    subject="mm: convert try_to_unmap() to use page_vma_mapped_walk()",
    release="v4.11",
)
RESTORE_BY_WALK = Change(
    commit="3fe87967c536",
    subject="mm: convert remove_migration_pte() to use page_vma_mapped_walk()",
    release="v4.11",
    needs=(FREEZE_IN_ONE_CALL,),
)

THP_WP_UNDER_PAGE_LOCK = Change(
    commit="ba3c4ce6def4",
    subject="mm, THP, swap: make reuse_swap_page() works for THP swapped out",
    release="v4.14",
)

# ------------------------------------------------ mm: page migration enhancement for thp (v4.14)
# The ids of three of its patches, 88aaa2a1d7bd, b5ff8161e37c and ab6e3d09391d, could not be checked
# against a history: they were not seen together with their titles.

QUEUE_PAGES_REQUIRED = Change(
    commit="88aaa2a1d7bd",
    subject="mm: mempolicy: add queue_pages_required()",
    release="v4.14",
)
SWP_SOFT_DIRTY_IN_BIT_1 = Change(
    commit="eee4818baac0",
    subject="mm: x86: move _PAGE_SWP_SOFT_DIRTY from bit 7 to bit 1",
    release="v4.14",
)
SPLIT_FREEZE_FLAG = Change(
    commit="b5ff8161e37c",
    subject="mm: thp: introduce separate TTU flag for thp freezing",
    release="v4.14",
)
ARCH_ENABLE_THP_MIGRATION = Change(
    commit="9c670ea37947",
    subject="mm: thp: introduce CONFIG_ARCH_ENABLE_THP_MIGRATION",
    release="v4.14",
)
THP_MIGRATION = Change(
    commit="616b8371539a",
    subject="mm: thp: enable thp migration in generic path",
    release="v4.14",
    needs=(ARCH_ENABLE_THP_MIGRATION,),
)
PMD_MIGRATION_IN_COMMON_PATHS = Change(
    commit="84c3fc4e9c56",
    subject="mm: thp: check pmd migration entry in common path",
    release="v4.14",
    needs=(THP_MIGRATION,),
)
SOFT_DIRTY_OVER_THP_MIGRATION = Change(
    commit="ab6e3d09391d",
    subject="mm: soft-dirty: keep soft-dirty bits over thp migration",
    release="v4.14",
    needs=(THP_MIGRATION,),
)
MBIND_MOVES_THP = Change(
    commit="c8633798497c",
    subject="mm: mempolicy: mbind and migrate_pages support thp migration",
    release="v4.14",
    needs=(THP_MIGRATION, QUEUE_PAGES_REQUIRED),
)
MOVE_PAGES_MOVES_THP = Change(
    commit="e8db67eb0ded",
    subject="mm: migrate: move_pages() supports thp migration",
    release="v4.14",
    needs=(THP_MIGRATION,),
)
HOTREMOVE_MOVES_THP = Change(
    commit="8135d8926c08",
    subject="mm: memory_hotplug: memory hotremove supports thp migration",
    release="v4.14",
    needs=(THP_MIGRATION,),
)

# ------------------------------------- splits that race with other unmapping (v5.12 and v5.13)
# Fixes of a fault as old as the reverse map's look without locks. The older texts take them as
# well, so that other faults can be looked at alone.

UNMAP_UNTIL_NOT_MAPPED = Change(
    commit="b7e188ec98b1",
    subject="mm/rmap: use page_not_mapped in try_to_unmap()",
    release="v5.12",
)
SPLIT_WAITS_FOR_ZAP = Change(
    commit="732ed55823fc",
    subject="mm/thp: try_to_unmap() use TTU_SYNC for safe splitting",
    release="v5.13",
)
SPLIT_WARNS_IF_MAPPED = Change(
    commit="504e070dc08f",
    subject="mm: thp: replace DEBUG_VM BUG with VM_WARN when unmap fails for split",
    release="v5.13",
)

name_changes(globals())
