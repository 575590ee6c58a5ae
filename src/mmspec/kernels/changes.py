"""Upstream commits that the specification's text knows, oldest first."""

from __future__ import annotations

from mmspec.kernels.change import Change, name_changes

# ---------------------------------- older than every release here: all have them, to be taken out

PMD_HUGE_AT_ANY_TIME = Change(
    commit="1a5a9906d4e8",
    subject="mm: thp: fix pmd_bad() triggering in code paths holding mmap_sem read mode",
    release="v3.4",
)
MIGRATION_KEEPS_SOFT_DIRTY = Change(
    commit="c3d16e16522f",
    subject="mm: migration: do not lose soft dirty bit if page is in migration state",
    release="v3.12",
)
PMD_SPLIT_KEEPS_SOFT_DIRTY = Change(
    commit="804dd150468c",
    subject="soft_dirty: fix soft_dirty during THP split",
    release="v4.8",
)
WP_TESTS_HUGE_ZERO_ONCE = Change(
    commit="eecc1e426d68",
    subject="thp: fix copy_page_rep GPF by testing is_huge_zero_pmd once only",
    release="v3.13",
)
HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH = Change(
    commit="aa88b68c3b1d",
    subject="thp: keep huge zero page pinned until tlb flush",
    release="v4.6",
)
WP_COUNTS_THP_MAPPINGS = Change(
    commit="6d0a07edd17c",
    subject="mm: thp: calculate the mapcount correctly for THP pages during WP faults",
    release="v4.6",
)
HUGE_ZERO_PAGE_PER_MM = Change(
    commit="6fcb52a56ff6",
    subject="thp: reduce usage of huge zero page's atomic counter",
    release="v4.9",
    needs=(HUGE_ZERO_PAGE_KEPT_UNTIL_FLUSH,),
)
GUP_KEEPS_FOLL_WRITE = Change(
    commit="19be0eaffa3a",
    subject="mm: remove gup_flags FOLL_WRITE games from __get_user_pages()",
    release="v4.9",
)
THP_FOLLOWED_AFTER_COW = Change(
    commit="8310d48b125d",
    subject="mm/huge_memory.c: respect FOLL_FORCE/FOLL_COW for thp",
    release="v4.10",
    needs=(GUP_KEEPS_FOLL_WRITE,),
)
# What follows is about munlock(): v4.14 has what all of these together came to.
MUNLOCK_SKIPS_THP = Change(
    commit="c424be1cbbf8",
    subject="mm: munlock: fix a bug where THP tail page is encountered",
    release="v3.13",
)
MUNLOCK_UNDER_LRU_LOCK = Change(
    commit="01cc2e58697e",
    subject="mm: munlock: fix potential race with THP page split",
    release="v3.14",
)
MUNLOCK_PASSES_TAILS = Change(
    commit="e90309c9f772",
    subject="thp: allow mlocked THP again",
    release="v4.5",
)
MUNLOCK_SKIPS_ONLY_MLOCKED_THP = Change(
    commit="655548bf6271",
    subject="thp: fix corner case of munlock() of PTE-mapped THPs",
    release="v4.9",
    needs=(MUNLOCK_PASSES_TAILS,),
)
NUMA_THP_MIGRATION_NOTIFIES = Change(
    commit="f714f4f20e59",
    subject="mm: numa: call MMU notifiers on THP migration",
    release="v3.13",
)
MIGRATION_MLOCKS_NEW_PAGE = Change(
    commit="51afb12ba809",
    subject="mm: page migration fix PageMlocked on migrated pages",
    release="v4.4",
)
FREEZE_CHECKS_PMD_UNDER_LOCK = Change(
    commit="33f4751e9960",
    subject="mm: thp: move pmd check inside ptl for freeze_page()",
    release="v4.8",
)
MREMAP_FLUSHES_DIRTY_FIRST = Change(
    commit="5d1904204c99",
    subject="mremap: fix race between mremap() and page cleanning",
    release="v4.9",
)

# -------------------------------------------------------------------------- walks (v4.11)

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

MUNLOCK_COUNTS_CLEARED_PAGES = Change(
    commit="70feee0e1ef3",
    subject="mlock: fix mlock count can not decrease in race condition",
    release="v4.12",
)
UNMAP_NOTIFIES_OF_RANGE = Change(
    commit="369ea8242c0f",
    subject="mm/rmap: update to new mmu_notifier semantic v2",
    release="v4.13",
    needs=(FREEZE_IN_ONE_CALL,),
)
CLEAR_REFS_KEEPS_PMD_HUGE = Change(
    commit="5b7abeae3af8",
    subject="thp: fix MADV_DONTNEED vs clear soft dirty race",
    release="v4.11",
)
BATCHED_FLUSH_IS_NOT_MISSED = Change(
    commit="3ea277194daa",
    subject="mm, mprotect: flush TLB if potentially racing with a parallel reclaim leaving stale "
    "TLB entries",
    release="v4.13",
)

# ------------------------------------------------------------- reclaim and MADV_FREE (v4.11, v4.14)

MADV_FREE_UNLOCKS_WHAT_IT_HOLDS = Change(
    commit="263630e8d176",
    subject="mm/madvise.c: fix freeing of locked page with MADV_FREE",
    release="v4.13",
)
MADV_FREE_KEEPS_PMD_HUGE = Change(
    commit="58ceeb6bec86",
    subject="thp: fix MADV_DONTNEED vs. MADV_FREE race",
    release="v4.11",
)
THP_SWAPPED_OUT_WHOLE = Change(
    commit="bd4c82c22c36",
    subject="mm, THP, swap: delay splitting THP after swapped out",
    release="v4.14",
)
LAZYFREE_NOT_IN_SWAP_CACHE = Change(
    commit="24c92eb7dce0",
    subject="mm: avoid marking swap cached page as lazyfree",
    release="v4.14",
)
SWAP_CACHE_ADDS_DIRTY = Change(
    commit="9625456cc763",
    subject="mm: fix data corruption caused by lazyfree page",
    release="v4.14",
)

PARALLEL_ZAPS_FLUSH = Change(
    commit="99baac21e458",
    subject="mm: fix MADV_[FREE|DONTNEED] TLB flush miss problem",
    release="v4.13",
)
ZAP_FLUSHES_ALL_ITS_RANGE = Change(
    commit="4647706ebeee",
    subject="mm: always flush VMA ranges affected by zap_page_range",
    release="v4.14",
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
    needs=(ARCH_ENABLE_THP_MIGRATION,),
)

# ----------------------------------------------------- changing protections; NUMA balancing
# The first seven are older than every release here.

PMD_PRESENT_WHILE_HUGE = Change(
    commit="027ef6c87853",
    subject="mm: thp: fix pmd_present for split_huge_page and PROT_NONE with THP",
    release="v3.7",
)
NUMA_HINT_CLEARED_UNDER_PAGE_LOCK = Change(
    commit="3f926ab945b6",
    subject="mm: Close races between THP migration and PMD numa clearing",
    release="v3.12",
)
NUMA_MIGRATION_NEEDS_ANON_VMA = Change(
    commit="c3a489cac38d",
    subject="mm: numa: ensure anon_vma is locked to prevent parallel THP splits",
    release="v3.13",
)
NUMA_MIGRATION_FREEZES_PAGE = Change(
    commit="2b4847e73004",
    subject="mm: numa: serialise parallel get_user_page against THP migration",
    release="v3.13",
)
PENDING_FLUSHES_ARE_NOTED = Change(
    commit="20841405940e",
    subject="mm: fix TLB flush race between migration, and change_protection_range",
    release="v3.13",
)
KSM_HEEDS_PENDING_FLUSHES = Change(
    commit="b3a81d0841a9",
    subject="mm: fix KSM data corruption",
    release="v4.13",
)
PROTECTING_LOOKS_AGAIN = Change(
    commit="1ad9f620c3a2",
    subject="mm: numa: recheck for transhuge pages under lock during protection changes",
    release="v3.15",
)
INVALIDATED_PMD_IS_NO_HINT = Change(
    commit="ce8369bcbeee",
    subject="mm: actually clear pmd_numa before invalidating",
    release="v3.17",
)
PROTECTING_KEEPS_PMD_HUGE = Change(
    commit="ced108037c2a",
    subject="thp: fix MADV_DONTNEED vs. numa balancing race",
    release="v4.11",
)
PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK = Change(
    commit="175ad4f1e7a2",
    subject="mm: mprotect: use pmd_trans_unstable instead of taking the pmd_lock",
    release="v4.11",
    needs=(PROTECTING_LOOKS_AGAIN,),
)
NUMA_FAULT_HOLDS_WHAT_IT_WAITS_FOR = Change(
    commit="3c226c637b69",
    subject="mm: numa: avoid waiting on freed migrated pages",
    release="v4.12",
)
PENDING_FLUSHES_ARE_COUNTED = Change(
    commit="16af97dc5a89",
    subject="mm: migrate: prevent racy access to tlb_flush_pending",
    release="v4.13",
)
NUMA_FAULT_FLUSHES_UNDER_LOCK = Change(
    commit="a9b802500ebb",
    subject='Revert "mm: numa: defer TLB flush for THP migration as long as possible"',
    release="v4.13",
)
NUMA_MIGRATION_KEEPS_PMD_HUGE = Change(
    commit="d7c3393413fe",
    subject="mm: thp: fix MADV_DONTNEED vs migrate_misplaced_transhuge_page race condition",
    release="v4.20",
)
NUMA_HINTS_SPARE_HUGE_PMDS = Change(
    commit="8b272b3cbbb5",
    subject="mm, numa: fix bad pmd by atomically check for pmd_trans_huge when marking page "
    "tables prot_numa",
    release="v5.6",
)
NUMA_MOVES_THP_AS_ANY_PAGE = Change(
    commit="c5b5a3dd2c1f",
    subject="mm: thp: refactor NUMA fault handling",
    release="v5.14",
    needs=(THP_MIGRATION, MBIND_MOVES_THP),
)
PROTECTING_DECIDES_BY_ONE_READ = Change(
    commit="670ddd8cdcbd",
    subject="mm/mprotect: delete pmd_none_or_clear_bad_unless_trans_huge()",
    release="v6.5",
    needs=(NUMA_HINTS_SPARE_HUGE_PMDS, PROTECTING_LOOKS_AGAIN_WITHOUT_LOCK),
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
WALK_SYNC_LOCKS_EVERY_PTE = Change(
    commit="a7a69d8ba88d",
    subject="mm/thp: another PVMW_SYNC fix in page_vma_mapped_walk()",
    release="v5.13",
)
WALK_GOES_ON_AFTER_NO_TABLE = Change(
    commit="a9a7504d9bea",
    subject="mm/thp: fix page_vma_mapped_walk() if THP mapped by ptes",
    release="v5.13",
)
SPLIT_WARNS_IF_MAPPED = Change(
    commit="504e070dc08f",
    subject="mm: thp: replace DEBUG_VM BUG with VM_WARN when unmap fails for split",
    release="v5.13",
)

# The texts of v4.11 to v4.13 read the PMD once as well: what a compiler may make of the original is
# in drafts.
WALK_READS_PMD_ONCE = Change(
    commit="a7b100953aa3",
    subject="mm: page_vma_mapped: ensure pmd is loaded with READ_ONCE outside of lock",
    release="v4.14",
)

# ------------------------------------------------------ later fixes of what v4.14 and older do

TOUCH_DIRTIES_FOR_WRITE_ONLY = Change(
    commit="a8f97366452e",
    subject="mm, thp: Do not make page table dirty unconditionally in touch_p[mu]d()",
    release="v4.15",
)
USERFAULT_WAITS_ONLY_FOR_NONE = Change(
    commit="a365ac09d334",
    subject="mm, userfaultfd, THP: avoid waiting when PMD under THP migration",
    release="v4.16",
    needs=(THP_MIGRATION,),
)
# Younger than the text: write-protection by userfaultfds stands for the series that brought it. It
# is put in where it is asked for, with its fixes.
USERFAULTFD_WP = Change(
    commit="63b2d4174c4a",
    subject="userfaultfd: wp: add the writeprotect API to userfaultfd ioctl",
    release="v5.7",
    needs=(THP_MIGRATION, PMD_MIGRATION_IN_COMMON_PATHS),
)
PMDP_INVALIDATE_RETURNS_OLD = Change(
    commit="d52605d7cb30",
    subject="mm: do not lose dirty and accessed bits in pmdp_invalidate()",
    release="v4.16",
)
MIGRATION_SPLITS_WHAT_HAS_NO_ROOM = Change(
    commit="94723aafb9e7",
    subject="mm: unclutter THP migration",
    release="v4.17",
    needs=(THP_MIGRATION,),
)
PAGE_IDLE_COLLECTS_ACCESSES = Change(
    commit="f0849ac0b8e0",
    subject="mm: thp: fix potential clearing to referenced flag in page_idle_clear_pte_refs_one()",
    release="v4.16",
)
KSM_SPLITS_WHAT_BOTH_ARE_OF = Change(
    commit="77da2ba0648a",
    subject="mm/ksm: fix interaction with THP",
    release="v4.17",
)
PAGEMAP_OFFSET_OF_SUBPAGE = Change(
    commit="88c28f246915",
    subject="mm, pagemap: fix swap offset value for PMD migration entry",
    release="v4.17",
    needs=(THP_MIGRATION,),
)
SPLIT_TAIL_PUBLISHED_LAST = Change(
    commit="605ca5ede764",
    subject="mm/huge_memory.c: reorder operations in __split_huge_page_tail()",
    release="v4.17",
)
MIGRATED_THP_MLOCKED_IF_PMD_ONLY = Change(
    commit="e125fe405abe",
    subject="mm, thp: Fix mlocking THP page with migration enabled",
    release="v4.19",
    needs=(THP_MIGRATION,),
)
PMD_MIGRATION_LEAVES_NOTIFYING_TO_CALLER = Change(
    commit="bfba8e5cf28f",
    subject="mm/thp: fix call to mmu_notifier in set_pmd_migration_entry() v2",
    release="v4.20",
    needs=(THP_MIGRATION,),
)
ZAP_LEAVES_FLUSHES_TO_GATHER = Change(
    commit="50c150f26261",
    subject='Revert "mm: always flush VMA ranges affected by zap_page_range"',
    release="v4.19",
    needs=(ZAP_FLUSHES_ALL_ITS_RANGE,),
)
MREMAP_FLUSHES_BEFORE_UNLOCK = Change(
    commit="eb66ae030829",
    subject="mremap: properly flush TLB before releasing the page",
    release="v4.19",
)
MIGRATION_PMD_SPLIT_BY_ITS_OWN_BITS = Change(
    commit="2e83ee1d8694",
    subject="mm: thp: fix flags for pmd migration when split",
    release="v4.20",
    needs=(THP_MIGRATION, PMDP_INVALIDATE_RETURNS_OLD),
)
BATCHED_FLUSHES_COUNTED = Change(
    commit="5ee2fa2f0636",
    subject="mm/rmap: fix potential batched TLB flush race",
    release="v5.18",
)
# Not a fix of v4.14 either: for devices that are done at once.
SWAPIN_SKIPS_CACHE = Change(
    commit="0bcac06f27d7",
    subject="mm, swap: skip swapcache for swapin of synchronous device",
    release="v4.15",
)
SWAPIN_KEEPS_OTHERS_OUT = Change(
    commit="13ddaf26be32",
    subject="mm/swap: fix race when skipping swapcache",
    release="v6.8",
    needs=(SWAPIN_SKIPS_CACHE,),
)
# Not a fix of v4.14: what it brought to shmem it brought to the swap cache. The fix of that is one
# of stable trees; by v6.6 there was nothing to fix any more.
THP_MOVES_IN_SWAP_CACHE = Change(
    commit="e71769ae5260",
    subject="mm: enable thp migration for shmem thp",
    release="v4.17",
    needs=(THP_MIGRATION,),
)
MOVED_THP_KEEPS_ITS_SLOTS = Change(
    commit="cfeed8ffe55b",
    subject="mm/migrate: set swap entry values of THP tail pages properly (stable trees)",
    release="v6.6",
    needs=(THP_MOVES_IN_SWAP_CACHE,),
)
SPLIT_TAIL_MAPPED_BEFORE_PUBLISHED = Change(
    commit="173d9d9fd3dd",
    subject="mm/huge_memory: splitting set mapping+index before unfreeze",
    release="v4.20",
)
UNMAPPED_THP_NOT_QUEUED = Change(
    commit="f1fe80d4ae33",
    subject="mm, thp: do not queue fully unmapped pages for deferred split",
    release="v5.5",
)
MIGRATION_WAIT_FOR_HEAD = Change(
    commit="ffc90cbb2970",
    subject="mm, thp: use head page in __migration_entry_wait()",
    release="v5.13",
)
MIGRATION_WAIT_TAKES_NO_REFERENCE = Change(
    commit="ffa65753c431",
    subject="mm/migrate.c: rework migration_entry_wait() to not take a pageref",
    release="v5.17",
)
PMD_MIGRATION_KEEPS_DIRTY = Change(
    commit="8a8683ad9ba4",
    subject="mm: fix possible PMD dirty bit lost in set_pmd_migration_entry()",
    release="v5.6",
    needs=(THP_MIGRATION, PMDP_INVALIDATE_RETURNS_OLD),
)
PINS_COUNTED_APART = Change(
    commit="3faa52c03f44",
    subject="mm/gup: track FOLL_PIN pages",
    release="v5.6",
)
SMAPS_COUNTS_MIGRATION_PMD = Change(
    commit="c94b6923fa0a",
    subject="/proc/PID/smaps: Add PMD migration entry parsing",
    release="v5.8",
    needs=(THP_MIGRATION,),
)
PMD_SPLIT_UNDER_PAGE_LOCK = Change(
    commit="c444eb564fb1",
    subject="mm: thp: make the THP mapcount atomic against __split_huge_pmd_locked()",
    release="v5.8",
    needs=(THP_WP_UNDER_PAGE_LOCK,),
)
GUP_BREAKS_COW = Change(
    commit="17839856fd58",
    subject='gup: document and work around "COW can break either way" issue',
    release="v5.8",
    needs=(GUP_KEEPS_FOLL_WRITE, THP_FOLLOWED_AFTER_COW),
)
COW_UNLESS_SOLE_REFERENCE = Change(
    commit="09854ba94c6a",
    subject="mm: do_wp_page() simplification",
    release="v5.9",
)
FORK_COPIES_PINNED_PAGES = Change(
    commit="70e806e4e645",
    subject="mm: Do early cow for pinned pages during fork() for ptes",
    release="v5.9",
    needs=(PINS_COUNTED_APART,),
)
FORK_SPLITS_PINNED_THP = Change(
    commit="d042035eaf5f",
    subject="mm/thp: Split huge pmds/puds if they're pinned when fork()",
    release="v5.9",
    needs=(FORK_COPIES_PINNED_PAGES,),
)
MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT = Change(
    commit="ec0abae6dcdf",
    subject="mm/thp: fix __split_huge_pmd_locked() for migration PMD",
    release="v5.9",
    needs=(THP_MIGRATION,),
)
CLEAR_REFS_SPARES_PINNED_PAGES = Change(
    commit="9348b73c2e1b",
    subject="mm: don't play games with pinned pages in clear_page_refs",
    release="v5.11",
    needs=(FORK_COPIES_PINNED_PAGES, COW_UNLESS_SOLE_REFERENCE),
)
NUMA_HINTS_SPARE_PAGES_IN_USE = Change(
    commit="80d47f5de5e3",
    subject="mm: don't try to NUMA-migrate COW pages that have other uses",
    release="v5.17",
    needs=(COW_UNLESS_SOLE_REFERENCE,),
)
RECLAIM_SPARES_PINNED_PAGES = Change(
    commit="feb889fb40fa",
    subject="mm: don't put pinned pages into the swap cache",
    release="v5.11",
    needs=(PINS_COUNTED_APART, COW_UNLESS_SOLE_REFERENCE),
)
FORK_STOPS_GUP_FAST = Change(
    commit="57efa1fe5957",
    subject="mm/gup: prevent gup_fast from racing with COW during fork",
    release="v5.11",
    needs=(FORK_COPIES_PINNED_PAGES,),
)
HUGE_ZERO_TEST_WANTS_PRESENT = Change(
    commit="3b77e8c8cde5",
    subject="mm/thp: make is_huge_zero_pmd() safe and quicker",
    release="v5.13",
)
NO_MAPCOUNT_OF_MIGRATION_ENTRY = Change(
    commit="24d7275ce279",
    subject="fs/proc: task_mmu.c: don't read mapcount for migration entry",
    release="v5.17",
)
RECLAIM_KEEPS_LAZYFREE_PINNED = Change(
    commit="6c8e2a256915",
    subject="mm: fix race between MADV_FREE reclaim and blkdev direct IO read",
    release="v5.18",
)
MIGRATION_PMD_SPLIT_TAKES_NO_REFERENCE = Change(
    commit="9d84604b845c",
    subject="mm/thp: refix __split_huge_pmd_locked() for migration PMD",
    release="v5.18",
    needs=(MIGRATION_PMD_SPLIT_KEEPS_MAPCOUNT,),
)
PMD_SPLIT_KEEPS_DIRTY = Change(
    commit="0ccf7f168e17",
    subject="mm/thp: carry over dirty bit when thp splits on pmd",
    release="v6.1",
)
MIGRATION_KEEPS_YOUNG_AND_DIRTY = Change(
    commit="2e3468778dbe",
    subject="mm: remember young/dirty bit for page migrations",
    release="v6.1",
    needs=(THP_MIGRATION, RESTORE_BY_WALK),
)
DIRTY_BEFORE_WRITE_BIT = Change(
    commit="96a9c287e25d",
    subject="mm/migrate: fix wrongly apply write bit after mkdirty on sparc64",
    release="v6.2",
    needs=(PMD_SPLIT_KEEPS_DIRTY, MIGRATION_KEEPS_YOUNG_AND_DIRTY),
)
PAGEMAP_LOOKS_AGAIN = Change(
    commit="7780d04046a2",
    subject="mm/pagewalkers: ACTION_AGAIN if pte_offset_map_lock() fails",
    release="v6.5",
)
THP_FREED_AFTER_FLUSH = Change(
    commit="bc2ff4cbc329",
    subject="mm: free folios in a batch in shrink_folio_list()",
    release="v6.9",
)
UFFD_WP_FLUSHES_BEFORE_COPY = Change(
    commit="6ce64428d620",
    subject="mm/userfaultfd: fix memory corruption due to writeprotect",
    release="v5.12",
    needs=(USERFAULTFD_WP, COW_UNLESS_SOLE_REFERENCE),
)
UFFD_WP_OVER_THP_MIGRATION = Change(
    commit="24bf08c4376b",
    subject="mm/userfaultfd: fix uffd-wp handling for THP migration entries",
    release="v6.3",
    needs=(USERFAULTFD_WP, SOFT_DIRTY_OVER_THP_MIGRATION),
)
UFFD_FILL_WANTS_A_TABLE = Change(
    commit="71c186efc1b2",
    subject="userfaultfd: fix checks for huge PMDs",
    release="v6.11",
    needs=(USERFAULTFD_WP,),
)
PMD_SPLIT_INVALIDATES_PRESENT_ONLY = Change(
    commit="3a5a8d343e1c",
    subject="mm: fix race between __split_huge_pmd_locked() and GUP-fast",
    release="v6.10",
    needs=(THP_MIGRATION,),
)
MIGRATION_SPLITS_QUEUED_THP = Change(
    commit="7262f208ca68",
    subject="mm/migrate: split source folio if it is on deferred split list",
    release="v6.10",
    needs=(MIGRATION_SPLITS_WHAT_HAS_NO_ROOM,),
)

# --------------------------------------------- a later change of the freeze, and the fix of that
# We have not seen the title of the second: its subject is what it does.

FREEZE_SPLITS_PMD_IN_WALK = Change(
    commit="60fbb14396d5",
    subject="mm/huge_memory: adjust try_to_migrate_one() and split_huge_pmd_locked()",
    release="v6.15",
    needs=(THP_MIGRATION, SPLIT_FREEZE_FLAG, SPLIT_WARNS_IF_MAPPED),
)
FREEZE_GOES_ON_AFTER_PMD_SPLIT = Change(
    commit="939080834fef",
    subject="try_to_migrate_one(): restart walk after split_huge_pmd_locked",
    release="v7.x",
    needs=(FREEZE_SPLITS_PMD_IN_WALK,),
)

# ------------------------------------------ mremap moves page tables (v5.0), and the fix of that

MREMAP_MOVES_TABLES = Change(
    commit="2c91bd4a4e2e",
    subject="mm: speed up mremap by 20x on large regions",
    release="v5.0",
    needs=(MREMAP_FLUSHES_BEFORE_UNLOCK,),
)
MREMAP_TABLES_UNDER_RMAP_LOCK = Change(
    commit="97113eb39fa7",
    subject="mm/mremap: hold the rmap lock in write mode when moving page table entries.",
    release="v5.14",
    needs=(MREMAP_MOVES_TABLES,),
)

# ------------------------- khugepaged, hot-remove, broken frames, the oom reaper: oldest first here

FIND_PMD_READS_ONCE = Change(
    commit="f72e7dcdd252",
    subject="mm: let mm_find_pmd fix buggy race with THP fault",
    release="v3.16",
)
NO_FAULT_IN_REAPED_MEMORY = Change(
    commit="6b31d5955cb2",
    subject="mm, oom: fix potential data corruption when oom_reaper races with writer",
    release="v4.13",
)
EXIT_AND_OOM_REAPER_AT_ONCE = Change(
    commit="212925802454",
    subject="mm: oom: let oom_reap_task and exit_mmap run concurrently",
    release="v4.14",
)
NEW_PAGE_PREPARED_IF_HUGE = Change(
    commit="40a899ed1648",
    subject="mm: migrate: fix an incorrect call of prep_transhuge_page()",
    release="v4.15",
    needs=(HOTREMOVE_MOVES_THP,),
)
OOM_REAPER_GATHERS_EACH_VMA = Change(
    commit="687cb0884a71",
    subject="mm, oom_reaper: gather each vma to prevent leaking TLB entry",
    release="v4.15",
)
MOVED_PAGES_KIND_KNOWN_BEFORE = Change(
    commit="e0a352fabce6",
    subject="mm: migrate: don't rely on __PageMovable() of newpage after unlocking it",
    release="v5.0",
)
SOFT_OFFLINE_PINS_THE_PAGE = Change(
    commit="46612b751c49",
    subject="mm: hwpoison: fix thp split handing in soft_offline_in_use_page()",
    release="v5.1",
)
COLLAPSE_LEAVES_DUMPED_MM_ALONE = Change(
    commit="59ea6d06cfa9",
    subject="coredump: fix race condition between collapse_huge_page() and core dumping",
    release="v5.2",
)
CONTIG_MOVES_THP = Change(
    commit="1da2f328fa64",
    subject="mm,thp,compaction,cma: allow THP migration for CMA allocations",
    release="v5.7",
    needs=(THP_MIGRATION, HOTREMOVE_MOVES_THP),
)
UNSPLIT_PAGE_STAYS_POISONED = Change(
    commit="694bf0b0cdf9",
    subject="mm,hwpoison: unify THP handling for hard and soft offline",
    release="v5.10",
)
FAILURE_LEAVES_NEW_PAGES_ALONE = Change(
    commit="25182f05ffed",
    subject="mm,hwpoison: fix race with hugetlb page allocation",
    release="v5.13",
)
FAILURE_WAITS_FOR_WRITEBACK = Change(
    commit="e8675d291ac0",
    subject="mm/memory-failure: make sure wait for page writeback in memory_failure",
    release="v5.13",
)
SECOND_FAILURE_IS_AN_ERROR = Change(
    commit="47af12bae17f",
    subject="mm,hwpoison: return -EHWPOISON to denote that the page has already been poisoned",
    release="v5.14",
)
POISON_IS_THE_SUBPAGES = Change(
    commit="da358d5c0e58",
    subject="mm/hwpoison: check the subpage, not the head page",
    release="v5.18",
)
ISOLATION_COUNTS_ALL_MAPPINGS = Change(
    commit="829ae0f81ce0",
    subject="mm: migrate: fix THP's mapcount on isolation",
    release="v6.1",
    needs=(CONTIG_MOVES_THP,),
)
COLLAPSE_WAITS_FOR_WALKERS = Change(
    commit="2ba99c5e0881",
    subject="mm/khugepaged: fix GUP-fast interaction by sending IPI",
    release="v6.1",
)
COLLAPSE_TELLS_NONE_APART = Change(
    commit="34488399fa08",
    subject="mm/madvise: add file and shmem support to MADV_COLLAPSE",
    release="v6.1",
)
COLLAPSE_LEAVES_ENTRIES_ALONE = Change(
    commit="edb5d0cf5525",
    subject="mm/MADV_COLLAPSE: catch !none !huge !bad pmd lookups",
    release="v6.2",
    needs=(COLLAPSE_TELLS_NONE_APART,),
)
SECOND_FAILURE_PUTS_THE_PAGE = Change(
    commit="f361e2462e8c",
    subject="mm/hwpoison: put page in already hwpoisoned case with MF_COUNT_INCREASED",
    release="v5.19",
)
FAILURE_FINDS_HEAD_BY_REFERENCE = Change(
    commit="a363d1224b5a",
    subject="mm: memory-failure: fetch compound head after extra page refcnt is held",
    release="v6.6",
)
HOTREMOVE_STEPS_OVER_ANY_PART = Change(
    commit="b62b51d2d159",
    subject="mm: memory_hotplug: remove head variable in do_migrate_range()",
    release="v6.12",
    needs=(HOTREMOVE_MOVES_THP,),
)
HOTREMOVE_COUNTS_WHAT_IT_ISOLATES = Change(
    commit="6f1833b8208c",
    subject="mm: memory_hotplug: unify Huge/LRU/non-LRU movable folio isolation",
    release="v6.12",
    needs=(HOTREMOVE_MOVES_THP, THP_MIGRATION),
)

name_changes(globals())
