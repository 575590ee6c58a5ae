"""The reverse map: from a page to everything that maps it (mm/rmap.c).

Trees and lists of anon_vma_chains are short linked lists, kept in the order of the originals.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag

from mmspec.kernels.changes import (
    BATCHED_FLUSH_IS_NOT_MISSED,
    BATCHED_FLUSHES_COUNTED,
    FIND_PMD_READS_ONCE,
    FREEZE_GOES_ON_AFTER_PMD_SPLIT,
    FREEZE_IN_ONE_CALL,
    FREEZE_SPLITS_PMD_IN_WALK,
    MIGRATION_KEEPS_SOFT_DIRTY,
    MIGRATION_KEEPS_YOUNG_AND_DIRTY,
    POISON_IS_THE_SUBPAGES,
    RECLAIM_KEEPS_LAZYFREE_PINNED,
    SPLIT_FREEZE_FLAG,
    SPLIT_WAITS_FOR_ZAP,
    THP_MIGRATION,
    UNMAP_NOTIFIES_OF_RANGE,
    UNMAP_UNTIL_NOT_MAPPED,
    UNMAPPED_THP_NOT_QUEUED,
    USERFAULTFD_WP,
)
from mmspec.kernels.drafts import (
    BRANCH_AT_TOP,
    BRANCH_HEAD_ONLY_WITH_PSE,
    BRANCH_ON_ANY_SUBPAGE,
    NEW_VMA_VISITED_FIRST,
)
from mmspec.lang import (
    BUG_ON,
    NULL,
    OnStack,
    asserting,
    atomic,
    bug,
    commuting,
    has,
    i32,
    initializer,
    restates,
    this_task,
    u16,
    u32,
)
from mmspec.spec.machine.locks import (
    TriedSemaphore,
    rcu_read_lock,
    rcu_read_unlock,
    spin_lock,
    spin_unlock,
    tried_down_read,
    tried_down_read_trylock,
    tried_down_write,
    tried_up_read,
    tried_up_write,
)
from mmspec.spec.machine.pgtable import (
    SWP_HWPOISON,
    make_migration_entry_young_dirty,
    pmd_present,
    pmd_trans_huge,
    pte_dirty,
    pte_pfn,
    pte_soft_dirty,
    pte_swp_mksoft_dirty,
    pte_swp_mkuffd_wp,
    pte_uffd_wp,
    pte_write,
    pte_young,
    swp_entry,
    swp_entry_to_pte,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_NR,
    HPAGE_PMD_SIZE,
    MEMORY_FAILURE,
    NR_ANON_VMAS,
    NR_AVCS,
    NR_GUESTS,
    NR_STABLE_NODES,
    PAGE_SHIFT,
    PAGE_SIZE,
)
from mmspec.spec.page.mm import (
    add_mm_counter,
    anon_vma_address,
    anon_vma_at,
    compound_mapcount_dec,
    compound_mapcount_inc_and_test,
    hpage_nr_pages,
    linear_page_index,
    mapcount_add_negative,
    mapcount_inc,
    mapcount_inc_and_test,
    mod_node_page_state,
    page_anon_vma,
    page_mapcount,
    page_mapped,
    page_ref_count,
    page_to_pfn,
    page_to_pgoff,
    pfn_to_page,
    total_mapcount,
)
from mmspec.spec.page.mm_types import (
    EFAULT,
    ENOMEM,
    MM_ANONPAGES,
    MM_SWAPENTS,
    NR_ANON_MAPPED,
    NR_ANON_THPS,
    NR_FILE_MAPPED,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_STACK_INCOMPLETE_SETUP,
    AnonVma,
    AnonVmaChain,
    Mm,
    Page,
    Pmd,
    Vma,
    anon_vma_chains,
    anon_vmas,
    tasks,
)
from mmspec.spec.page.page_flags import (
    PAGE_MAPPING_ANON,
    PAGE_MAPPING_FLAGS,
    PageAnon,
    PageCompound,
    PageDirty,
    PageDoubleMap,
    PageHead,
    PageHWPoison,
    PageKsm,
    PageLocked,
    PageLRU,
    PageMlocked,
    PageSwapBacked,
    PageSwapCache,
    PageTransCompound,
    PageTransHuge,
    PG_swapbacked,
    TestClearPageDoubleMap,
    compound_head,
    set_page_dirty,
    set_page_flags,
)
from mmspec.spec.page.page_vma_mapped import (
    PVMW_SYNC,
    PageVmaMappedWalk,
    page_check_address,
    page_vma_mapped_walk,
    page_vma_mapped_walk_done,
    page_vma_mapped_walk_restart,
    vma_address,
)
from mmspec.spec.page.pgtable import (
    flush_tlb_all,
    flush_tlb_mm,
    flush_tlb_range,
    others_run,
    pmd_offset,
    ptep_clear_flush,
    ptep_get_and_clear,
    ptep_test_and_clear_young,
    set_pte_at,
)
from mmspec.spec.page.swap import put_page
from mmspec.spec.page.swapfile import swap_duplicate
from mmspec.spec.page.swapops import make_migration_entry


class TTU(IntFlag):
    """enum ttu_flags: what try_to_unmap() is to do, and what it must not mind."""

    MIGRATION = 0x1
    MUNLOCK = 0x2
    SPLIT_HUGE_PMD = 0x4
    IGNORE_MLOCK = 0x8
    IGNORE_ACCESS = 0x10
    IGNORE_HWPOISON = 0x20
    BATCH_FLUSH = 0x40
    RMAP_LOCKED = 0x80
    SPLIT_FREEZE = 0x100
    SYNC = 0x200


TTU_MIGRATION = TTU.MIGRATION
TTU_MUNLOCK = TTU.MUNLOCK
TTU_SPLIT_HUGE_PMD = TTU.SPLIT_HUGE_PMD
TTU_IGNORE_MLOCK = TTU.IGNORE_MLOCK
TTU_IGNORE_ACCESS = TTU.IGNORE_ACCESS
TTU_IGNORE_HWPOISON = TTU.IGNORE_HWPOISON
TTU_BATCH_FLUSH = TTU.BATCH_FLUSH
TTU_RMAP_LOCKED = TTU.RMAP_LOCKED
TTU_SPLIT_FREEZE = TTU.SPLIT_FREEZE
TTU_SYNC = TTU.SYNC


# -------------------------------------------------------------------------------- anon_vmas


@atomic
def anon_vma_alloc() -> AnonVma:
    """A new anon_vma with one reference, its own root and parent; NULL if there is none left."""
    for k in range(NR_ANON_VMAS):
        anon_vma = anon_vmas[k]
        if not anon_vma.used:
            anon_vma.used = 1
            anon_vma.refcount = 1
            anon_vma_init(anon_vma)
            return anon_vma
    return NULL


@initializer
def anon_vma_init(anon_vma: AnonVma) -> None:
    """The fields of a new anon_vma."""
    anon_vma.degree = 1
    anon_vma.parent = anon_vma
    anon_vma.root = anon_vma


@initializer
def anon_vma_set_parent(anon_vma: AnonVma, parent: AnonVma) -> None:
    """A new anon_vma, not yet linked anywhere, gets a parent and the parent's root."""
    anon_vma.root = parent.root
    anon_vma.parent = parent


@atomic
def anon_vma_chain_alloc() -> AnonVmaChain:
    """A new anon_vma_chain; NULL if there is none left."""
    for k in range(NR_AVCS):
        avc = anon_vma_chains[k]
        if not avc.used:
            avc.used = 1
            return avc
    return NULL


@initializer
def anon_vma_chain_init(avc: AnonVmaChain, vma: Vma, anon_vma: AnonVma) -> None:
    """The fields of a chain that is not yet linked."""
    avc.vma = vma
    avc.anon_vma = anon_vma


@atomic
def anon_vma_chain_free(avc: AnonVmaChain) -> None:
    """Give an unlinked anon_vma_chain back."""
    avc.used = 0
    anon_vma_chain_init(avc, NULL, NULL)


@atomic
def get_anon_vma(anon_vma: AnonVma) -> None:
    """One more reference."""
    anon_vma.refcount += 1


@atomic
def anon_vma_inc_not_zero(anon_vma: AnonVma) -> bool:
    """One more reference, unless it is being freed."""
    if anon_vma.refcount == 0:
        return False
    anon_vma.refcount += 1
    return True


@atomic
def anon_vma_dec_and_test(anon_vma: AnonVma) -> bool:
    """Drop a reference; whether it was the last."""
    anon_vma.refcount -= 1
    return anon_vma.refcount == 0


@atomic
def rwsem_is_locked(sem: TriedSemaphore) -> bool:
    """Whether anybody has it."""
    return sem.writer != 0 or sem.readers != 0


@atomic
def kmem_cache_free_anon_vma(anon_vma: AnonVma) -> None:
    """Its memory may be used again at once, but only for another anon_vma."""
    assert anon_vma.refcount == 0, "VM_BUG_ON(atomic_read(&anon_vma->refcount))"
    anon_vma.used = 0


@restates("include/linux/rmap.h", at="v4.14")
def anon_vma_lock_write(anon_vma: AnonVma) -> None:
    """The lock of the whole tree of anon_vmas, for writing."""
    tried_down_write(anon_vma.root.rwsem)


@restates("include/linux/rmap.h", at="v4.14")
def anon_vma_unlock_write(anon_vma: AnonVma) -> None:
    """Give it back."""
    tried_up_write(anon_vma.root.rwsem)


@restates("include/linux/rmap.h", at="v4.14")
def anon_vma_lock_read(anon_vma: AnonVma) -> None:
    """The same, together with other readers."""
    tried_down_read(anon_vma.root.rwsem)


@restates("include/linux/rmap.h", at="v4.14")
def anon_vma_unlock_read(anon_vma: AnonVma) -> None:
    """Give it back."""
    tried_up_read(anon_vma.root.rwsem)


@restates("mm/rmap.c", at="v4.14")
def anon_vma_free(anon_vma: AnonVma) -> None:
    """Free an anon_vma that nobody refers to; somebody may still have locked it without asking."""
    if rwsem_is_locked(anon_vma.root.rwsem):
        anon_vma_lock_write(anon_vma)
        anon_vma_unlock_write(anon_vma)
    kmem_cache_free_anon_vma(anon_vma)


@restates("mm/rmap.c", at="v4.14")
def __put_anon_vma(anon_vma: AnonVma) -> None:
    """Free an anon_vma, and drop its reference on the root."""
    root = anon_vma.root
    anon_vma_free(anon_vma)
    if root is not anon_vma and anon_vma_dec_and_test(root):
        anon_vma_free(root)


@restates("include/linux/rmap.h", at="v4.14")
def put_anon_vma(anon_vma: AnonVma) -> None:
    """Drop a reference; free the anon_vma if it was the last."""
    if anon_vma_dec_and_test(anon_vma):
        __put_anon_vma(anon_vma)


@restates("mm/interval_tree.c", at="v4.14")
def anon_vma_interval_tree_insert(avc: AnonVmaChain, anon_vma: AnonVma) -> None:
    """Put a chain into the tree: after all that start at the same offset or before."""
    pgoff = avc.vma.vm_pgoff
    following = anon_vma.rb_root
    before: AnonVmaChain = NULL
    while following and following.vma.vm_pgoff <= pgoff:
        if has(NEW_VMA_VISITED_FIRST) and following.vma.vm_pgoff == pgoff:
            break
        before = following
        following = following.rb_next
    avc.rb_next = following
    if before:
        before.rb_next = avc
    else:
        anon_vma.rb_root = avc


@restates("mm/interval_tree.c", at="v4.14")
def anon_vma_interval_tree_remove(avc: AnonVmaChain, anon_vma: AnonVma) -> None:
    """Take a chain out of the tree."""
    if anon_vma.rb_root is avc:
        anon_vma.rb_root = avc.rb_next
    else:
        before = anon_vma.rb_root
        while before.rb_next is not avc:
            before = before.rb_next
        before.rb_next = avc.rb_next
    avc.rb_next = NULL


@restates("mm/rmap.c", at="v4.14")
def anon_vma_chain_link(vma: Vma, avc: AnonVmaChain, anon_vma: AnonVma) -> None:
    """Put a VMA under an anon_vma. Requires: the root's lock for writing."""
    anon_vma_chain_init(avc, vma, anon_vma)
    avc.same_vma = vma.anon_vma_chain
    vma.anon_vma_chain = avc
    anon_vma_interval_tree_insert(avc, anon_vma)


@restates("mm/rmap.c", at="v4.14")
def anon_vma_prepare(vma: Vma) -> int:
    """See that the VMA has an anon_vma. Requires: mmap_sem."""
    if vma.anon_vma:
        return 0
    avc = anon_vma_chain_alloc()
    if not avc:
        return -ENOMEM
    anon_vma = anon_vma_alloc()
    if not anon_vma:
        anon_vma_chain_free(avc)
        return -ENOMEM
    allocated = anon_vma
    anon_vma_lock_write(anon_vma)
    # against other threads that fault
    spin_lock(vma.vm_mm.page_table_lock)
    if not vma.anon_vma:
        vma.anon_vma = anon_vma
        anon_vma_chain_link(vma, avc, anon_vma)
        anon_vma.degree += 1
        allocated = NULL
        avc = NULL
    spin_unlock(vma.vm_mm.page_table_lock)
    anon_vma_unlock_write(anon_vma)
    if allocated:
        put_anon_vma(allocated)
    if avc:
        anon_vma_chain_free(avc)
    return 0


def _avc_before(vma: Vma, avc: AnonVmaChain) -> AnonVmaChain:
    """The chain before `avc` on the VMA's list; the last one if `avc` is NULL."""
    before = vma.anon_vma_chain
    if before is avc:
        return NULL
    while before.same_vma is not avc:
        before = before.same_vma
    return before


@restates("mm/rmap.c", at="v4.14")
def lock_anon_vma_root(root: AnonVma, anon_vma: AnonVma) -> AnonVma:
    """Lock the root of an anon_vma, if it is not `root`, which is locked: all have the same one."""
    new_root = anon_vma.root
    if new_root is not root:
        if root:
            bug("WARNING", "WARN_ON_ONCE(root)", anon_vma)
        tried_down_write(new_root.rwsem)
    return new_root


@restates("mm/rmap.c", at="v4.14")
def anon_vma_clone(dst: Vma, src: Vma) -> int:
    """Put `dst` under every anon_vma that `src` is under."""
    root: AnonVma = NULL
    pavc = _avc_before(src, NULL)
    while pavc:
        avc = anon_vma_chain_alloc()
        if not avc:
            if root:
                tried_up_write(root.rwsem)
            # its degree has not been raised yet: it must not be lowered
            dst.anon_vma = NULL
            unlink_anon_vmas(dst)
            return -ENOMEM
        anon_vma = pavc.anon_vma
        root = lock_anon_vma_root(root, anon_vma)
        anon_vma_chain_link(dst, avc, anon_vma)
        # an anon_vma that has no VMA and only one child can be used again
        if not dst.anon_vma and anon_vma is not src.anon_vma and anon_vma.degree < 2:
            dst.anon_vma = anon_vma
        pavc = _avc_before(src, pavc)
    reused = dst.anon_vma
    if reused:
        reused.degree += 1
    if root:
        tried_up_write(root.rwsem)
    return 0


@restates("mm/rmap.c", at="v4.14")
def anon_vma_fork(vma: Vma, pvma: Vma) -> int:
    """Put a child's VMA under the parent's anon_vmas, and under one of its own."""
    if not pvma.anon_vma:
        return 0
    vma.anon_vma = NULL
    # so that the reverse map finds pages which the child has not copied yet
    error = anon_vma_clone(vma, pvma)
    if error:
        return error
    if vma.anon_vma:
        return 0
    anon_vma = anon_vma_alloc()
    if not anon_vma:
        unlink_anon_vmas(vma)
        return -ENOMEM
    avc = anon_vma_chain_alloc()
    if not avc:
        put_anon_vma(anon_vma)
        unlink_anon_vmas(vma)
        return -ENOMEM
    parent = pvma.anon_vma
    anon_vma_set_parent(anon_vma, parent)
    # the lock is in the root: it must stay as long as this one
    get_anon_vma(anon_vma.root)
    vma.anon_vma = anon_vma
    anon_vma_lock_write(anon_vma)
    anon_vma_chain_link(vma, avc, anon_vma)
    parent.degree += 1
    anon_vma_unlock_write(anon_vma)
    return 0


@initializer
def _warn_if_used(anon_vma: AnonVma) -> None:
    """An anon_vma with no VMA under it has no child either: nobody changes this any more."""
    if asserting() and anon_vma.degree != 0:
        bug("WARNING", "VM_WARN_ON(anon_vma->degree)", anon_vma)


@restates("mm/rmap.c", at="v4.14")
def unlink_anon_vmas(vma: Vma) -> None:
    """Take a VMA out of all its anon_vmas; free those that are left empty."""
    root: AnonVma = NULL
    avc = vma.anon_vma_chain
    kept: AnonVmaChain = NULL
    while avc:
        following = avc.same_vma
        anon_vma = avc.anon_vma
        root = lock_anon_vma_root(root, anon_vma)
        anon_vma_interval_tree_remove(avc, anon_vma)
        if not anon_vma.rb_root:
            # to be freed without the lock, which may be in it
            anon_vma.parent.degree -= 1
            avc.same_vma = kept
            kept = avc
        else:
            anon_vma_chain_free(avc)
        avc = following
    own = vma.anon_vma
    if own:
        own.degree -= 1
    if root:
        tried_up_write(root.rwsem)
    # the root comes last
    avc = NULL
    while kept:
        following = kept.same_vma
        kept.same_vma = avc
        avc = kept
        kept = following
    while avc:
        following = avc.same_vma
        _warn_if_used(avc.anon_vma)
        put_anon_vma(avc.anon_vma)
        anon_vma_chain_free(avc)
        avc = following
    vma.anon_vma_chain = NULL


@restates("mm/rmap.c", at="v4.14")
def page_get_anon_vma(page: Page) -> AnonVma:
    """The page's anon_vma with a reference; NULL if the page is not mapped."""
    rcu_read_lock()
    anon_mapping = page.mapping
    if anon_mapping & PAGE_MAPPING_FLAGS != PAGE_MAPPING_ANON or not page_mapped(page):
        rcu_read_unlock()
        return NULL
    anon_vma = anon_vma_at(anon_mapping - PAGE_MAPPING_ANON)
    if not anon_vma_inc_not_zero(anon_vma):
        rcu_read_unlock()
        return NULL
    # still mapped: then the reference was taken in time
    if not page_mapped(page):
        rcu_read_unlock()
        put_anon_vma(anon_vma)
        return NULL
    rcu_read_unlock()
    return anon_vma


@restates("mm/rmap.c", at="v4.14")
def page_lock_anon_vma_read(page: Page) -> AnonVma:
    """The page's anon_vma, locked for reading; NULL if the page is not mapped."""
    rcu_read_lock()
    anon_mapping = page.mapping
    if anon_mapping & PAGE_MAPPING_FLAGS != PAGE_MAPPING_ANON or not page_mapped(page):
        rcu_read_unlock()
        return NULL
    anon_vma = anon_vma_at(anon_mapping - PAGE_MAPPING_ANON)
    root = anon_vma.root
    if tried_down_read_trylock(root.rwsem):
        # if the page is still mapped this is its anon_vma, and the lock keeps it
        if not page_mapped(page):
            tried_up_read(root.rwsem)
            rcu_read_unlock()
            return NULL
        rcu_read_unlock()
        return anon_vma
    # the lock is taken: to sleep for it, hold the anon_vma first
    if not anon_vma_inc_not_zero(anon_vma):
        rcu_read_unlock()
        return NULL
    if not page_mapped(page):
        rcu_read_unlock()
        put_anon_vma(anon_vma)
        return NULL
    rcu_read_unlock()
    anon_vma_lock_read(anon_vma)
    if anon_vma_dec_and_test(anon_vma):
        # nobody else keeps it any more
        anon_vma_unlock_read(anon_vma)
        __put_anon_vma(anon_vma)
        return NULL
    return anon_vma


# ------------------------------------------------------------ adding and removing one mapping


@atomic
def _set_mapping(page: Page, anon_vma: AnonVma) -> None:
    page.mapping = anon_vma_address(anon_vma) + PAGE_MAPPING_ANON


@restates("mm/rmap.c", at="v4.14")
def __page_set_anon_rmap(page: Page, vma: Vma, address: u32, exclusive: bool) -> None:
    """Say where the page's mappings are to be found."""
    anon_vma = vma.anon_vma
    BUG_ON(anon_vma is NULL)
    if PageAnon(page):
        return
    # if others may map the page too, the oldest anon_vma is the one that knows them
    if not exclusive:
        anon_vma = anon_vma.root
    _set_mapping(page, anon_vma)
    page.index = linear_page_index(vma, address)


@restates("mm/rmap.c", at="v4.14")
@commuting
def __page_check_anon_rmap(page: Page, vma: Vma, address: u32) -> None:
    """Another mapping of a page is one by the same tree of anon_vmas, at the same offset.

    Requires: page lock, so that neither changes: one step, which nobody notices.
    """
    assert page_anon_vma(page).root is vma.anon_vma.root, (
        "BUG_ON(page_anon_vma(page)->root != vma->anon_vma->root)"
    )
    assert page_to_pgoff(page) == linear_page_index(vma, address), (
        "BUG_ON(page_to_pgoff(page) != linear_page_index(vma, address))"
    )


@restates("mm/rmap.c", at="v4.14")
def page_add_new_anon_rmap(page: Page, vma: Vma, address: u32, compound: bool) -> None:
    """The first mapping of a new page. Requires: the lock of the entry about to be set."""
    assert vma.vm_start <= address, "VM_BUG_ON_VMA(address < vma->vm_start)"
    assert address < vma.vm_end, "VM_BUG_ON_VMA(address >= vma->vm_end)"
    nr = hpage_nr_pages(page) if compound else 1
    set_page_flags(page, PG_swapbacked)
    if compound:
        assert PageTransHuge(page), "VM_BUG_ON_PAGE(!PageTransHuge(page))"
        # from -1
        compound_mapcount_inc_and_test(page)
        mod_node_page_state(NR_ANON_THPS, 1)
    else:
        assert not PageTransCompound(page), "VM_BUG_ON_PAGE(PageTransCompound(page))"
        mapcount_inc(page)
    mod_node_page_state(NR_ANON_MAPPED, nr)
    __page_set_anon_rmap(page, vma, address, True)


@restates("mm/rmap.c", at="v4.14")
def page_add_anon_rmap(page: Page, vma: Vma, address: u32, compound: bool) -> None:
    """One more mapping. Requires: page lock, the lock of the entry that was set."""
    do_page_add_anon_rmap(page, vma, address, compound, False)


@restates("mm/rmap.c", at="v4.14")
def do_page_add_anon_rmap(
    page: Page, vma: Vma, address: u32, compound: bool, exclusive: bool
) -> None:
    """The same; an exclusive mapping is the only one, and will be."""
    if compound:
        assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
        assert PageTransHuge(page), "VM_BUG_ON_PAGE(!PageTransHuge(page))"
        first = compound_mapcount_inc_and_test(page)
    else:
        first = mapcount_inc_and_test(page)
    if first:
        if compound:
            mod_node_page_state(NR_ANON_THPS, 1)
            mod_node_page_state(NR_ANON_MAPPED, hpage_nr_pages(page))
        else:
            mod_node_page_state(NR_ANON_MAPPED, 1)
    # one that KSM has merged stays what it is
    if NR_STABLE_NODES and PageKsm(page):
        return
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    if first:
        __page_set_anon_rmap(page, vma, address, exclusive)
    else:
        __page_check_anon_rmap(page, vma, address)


@restates("include/linux/rmap.h", at="v4.14")
def page_dup_rmap(page: Page, compound: bool) -> None:
    """One more mapping of a page that is mapped already."""
    if compound:
        compound_mapcount_inc_and_test(page)
    else:
        mapcount_inc(page)


@restates("mm/rmap.c", at="v4.14")
def page_move_anon_rmap(page: Page, vma: Vma) -> None:
    """The page is this VMA's alone, and no ancestor's any more. Requires: page lock."""
    anon_vma = vma.anon_vma
    head = compound_head(page)
    assert PageLocked(head), "VM_BUG_ON_PAGE(!PageLocked(page))"
    assert anon_vma, "VM_BUG_ON_VMA(!anon_vma)"
    _set_mapping(head, anon_vma)


@restates("mm/rmap.c", at="v4.14")
def page_remove_anon_compound_rmap(page: Page) -> None:
    """One PMD mapping less."""
    if not compound_mapcount_dec(page):
        return
    mod_node_page_state(NR_ANON_THPS, -1)
    nr: i32 = HPAGE_PMD_NR
    if TestClearPageDoubleMap(page):
        # subpages can be mapped by PTEs too: how many are not?
        nr = 0
        for i in range(HPAGE_PMD_NR):
            if mapcount_add_negative(page + i):
                nr += 1
    if PageMlocked(page):
        clear_page_mlock(page)
    if nr:
        mod_node_page_state(NR_ANON_MAPPED, -nr)
    # one that nothing maps any more will be freed soon: there is no need to split it
    if nr and (nr < HPAGE_PMD_NR or not has(UNMAPPED_THP_NOT_QUEUED)):
        deferred_split_huge_page(page)


@restates("mm/rmap.c", at="v4.14")
def page_remove_file_rmap(page: Page, compound: bool) -> None:
    """One mapping less of a page that is not anonymous: here, one that is taken for another."""
    assert not compound or PageHead(page), "VM_BUG_ON_PAGE(compound && !PageHead(page))"
    nr = 1
    if compound and PageTransHuge(page):
        nr = 0
        for i in range(HPAGE_PMD_NR):
            if mapcount_add_negative(page + i):
                nr += 1
        if not compound_mapcount_dec(page):
            return
        assert PageSwapBacked(page), "VM_BUG_ON_PAGE(!PageSwapBacked(page))"
    elif not mapcount_add_negative(page):
        return
    mod_node_page_state(NR_FILE_MAPPED, -nr)
    if PageMlocked(page):
        clear_page_mlock(page)


@restates("mm/rmap.c", at="v4.14")
def page_remove_rmap(page: Page, compound: bool) -> None:
    """One mapping less. Requires: the lock of the entry that was cleared.

    The anon_vma stays noted in the page: another mapping may come back.
    """
    if not PageAnon(page):
        page_remove_file_rmap(page, compound)
        return
    if compound:
        page_remove_anon_compound_rmap(page)
        return
    if not mapcount_add_negative(page):
        return
    mod_node_page_state(NR_ANON_MAPPED, -1)
    if PageMlocked(page):
        clear_page_mlock(page)
    if PageTransCompound(page):
        deferred_split_huge_page(compound_head(page))


# ------------------------------------------------------------------------------------- walks


@restates("mm/rmap.c", at="v4.14")
def page_address_in_vma(page: Page, vma: Vma) -> i32:
    """Where a VMA would map an anonymous page, by its index; -EFAULT if nowhere. Restates
    __vma_address() as well, where a page may lie before the VMA.
    """
    anon_vma = page_anon_vma(page)
    own = vma.anon_vma
    if not own or not anon_vma or own.root is not anon_vma.root:
        return -EFAULT
    pgoff = page_to_pgoff(page)
    if pgoff < vma.vm_pgoff:
        return -EFAULT
    address: u32 = vma.vm_start + ((pgoff - vma.vm_pgoff) << PAGE_SHIFT)
    if address >= vma.vm_end:
        return -EFAULT
    return address


class RmapWalkControl(OnStack):
    """struct rmap_walk_control: what to do in each VMA, and when to stop.

    arg: for rmap_one; a pointer to a page is passed as its frame's number.
    """

    rmap_one: Callable[[Page, Vma, u32, u32], bool]
    arg: u32 = 0
    done: Callable[[Page], bool] = NULL
    anon_lock: Callable[[Page], AnonVma] = NULL
    invalid_vma: Callable[[Vma], bool] = NULL


@restates("mm/rmap.c", at="v4.14")
def rmap_walk_anon_lock(page: Page, rwc: RmapWalkControl) -> AnonVma:
    """The page's anon_vma, locked for reading."""
    if rwc.anon_lock:
        return rwc.anon_lock(page)
    # the caller keeps the anon_vma: page_mapped() need not hold
    anon_vma = page_anon_vma(page)
    if not anon_vma:
        return NULL
    anon_vma_lock_read(anon_vma)
    return anon_vma


@restates("mm/rmap.c", at="v4.14")
def rmap_walk_anon(page: Page, rwc: RmapWalkControl, locked: bool) -> None:
    """Visit every VMA that may map the page, in the order of the interval tree."""
    if locked:
        anon_vma = page_anon_vma(page)
        assert anon_vma, "VM_BUG_ON_PAGE(!anon_vma)"
    else:
        anon_vma = rmap_walk_anon_lock(page, rwc)
    if not anon_vma:
        return
    pgoff_start = page_to_pgoff(page)
    if has(FREEZE_IN_ONE_CALL):
        nr = hpage_nr_pages(page)
    else:
        nr = 1
    avc = anon_vma.rb_root
    while avc:
        vma = avc.vma
        last = vma.vm_pgoff + ((vma.vm_end - vma.vm_start) >> PAGE_SHIFT)
        if vma.vm_pgoff < pgoff_start + nr and pgoff_start < last:
            address = vma_address(page, vma)
            skip = False
            if rwc.invalid_vma:
                skip = rwc.invalid_vma(vma)
            if not skip:
                if not rwc.rmap_one(page, vma, address, rwc.arg):
                    break
                if rwc.done:
                    if rwc.done(page):
                        break
        avc = avc.rb_next
    if not locked:
        anon_vma_unlock_read(anon_vma)


@restates("mm/rmap.c", at="v4.14")
def rmap_walk(page: Page, rwc: RmapWalkControl) -> None:
    """Walk, and take the anon_vma's lock for it."""
    if NR_STABLE_NODES and PageKsm(page):
        rmap_walk_ksm(page, rwc)
    else:
        rmap_walk_anon(page, rwc, False)


@restates("mm/rmap.c", at="v4.14")
def rmap_walk_locked(page: Page, rwc: RmapWalkControl) -> None:
    """Walk; the caller has the anon_vma's lock."""
    if NR_STABLE_NODES:
        assert not PageKsm(page), "VM_BUG_ON_PAGE(PageKsm(page))"
    rmap_walk_anon(page, rwc, True)


# ---------------------------------------------------------------------------------- unmapping


#: tlb_flush_batched once flushes are counted: how many are pending, and above how many were done.
TLB_FLUSH_BATCH_FLUSHED_SHIFT = 8
TLB_FLUSH_BATCH_PENDING_MASK = 0xFF


@atomic
def one_more_flush_pending(mm: Mm) -> None:
    """A flush was left out. Omits: what is done before the count is too large."""
    mm.tlb_flush_batched += 1


@atomic
def flushes_done(mm: Mm, batch: u16) -> None:
    """All flushes that were pending when `batch` was read are done: cmpxchg(), so that none is
    forgotten that came in meanwhile.
    """
    if mm.tlb_flush_batched == batch:
        pending = batch & TLB_FLUSH_BATCH_PENDING_MASK
        mm.tlb_flush_batched = pending | pending << TLB_FLUSH_BATCH_FLUSHED_SHIFT


@restates("mm/rmap.c", at="v4.14")
def set_tlb_ubc_flush_pending(mm: Mm, writable: bool) -> None:
    """A flush was left out: note that it must be done before the page can be written or freed."""
    tasks[this_task()].flush_required = 1
    if has(BATCHED_FLUSHES_COUNTED):
        one_more_flush_pending(mm)
    else:
        mm.tlb_flush_batched = 1
    # a dirty entry may be cached as writable: a store needs no look at the page table
    if writable:
        tasks[this_task()].writable = 1


@restates("mm/rmap.c", at="v4.14")
def try_to_unmap_flush() -> None:
    """Do the flushes that unmapping with TTU_BATCH_FLUSH left out."""
    if tasks[this_task()].flush_required:
        flush_tlb_all()
        tasks[this_task()].flush_required = 0
        tasks[this_task()].writable = 0


@restates("mm/rmap.c", at="v4.14")
def try_to_unmap_flush_dirty() -> None:
    """Do them if a processor could still store to a page that is about to be written."""
    if tasks[this_task()].writable:
        try_to_unmap_flush()


@restates("mm/rmap.c", at="v5.18")
def flush_tlb_batched_pending(mm: Mm) -> None:
    """Somebody unmapped pages here and has not flushed yet: do it now."""
    if not has(BATCHED_FLUSH_IS_NOT_MISSED):
        return
    batch = mm.tlb_flush_batched
    pending = batch & TLB_FLUSH_BATCH_PENDING_MASK
    if pending != batch >> TLB_FLUSH_BATCH_FLUSHED_SHIFT:
        flush_tlb_mm(mm)
        flushes_done(mm, batch)


@flush_tlb_batched_pending.before(BATCHED_FLUSHES_COUNTED, at="v4.14")
def flush_tlb_batched_pending_if_marked(mm: Mm) -> None:
    """The same, of all of an address space, under the lock of one page table: what is unmapped in
    another meanwhile is forgotten.
    """
    if has(BATCHED_FLUSH_IS_NOT_MISSED) and mm.tlb_flush_batched:
        flush_tlb_mm(mm)
        mm.tlb_flush_batched = 0


@restates("mm/rmap.c", at="v4.14")
def should_defer_flush(mm: Mm, flags: TTU) -> bool:
    """Whether the flush can wait: worth it only if other processors run this address space."""
    if not flags & TTU_BATCH_FLUSH:
        return False
    return others_run(mm)


def end_of_unmapped(page: Page, vma: Vma, address: u32) -> u32:
    """Where what try_to_unmap_one() changes ends at the latest; without guests nobody asks."""
    if not NR_GUESTS:
        return address
    order = page.order
    if order:
        return min(vma.vm_end, address + HPAGE_PMD_SIZE)
    return min(vma.vm_end, address + PAGE_SIZE)


@restates("mm/rmap.c", at="v4.14")
def try_to_unmap_one(page: Page, vma: Vma, address: u32, arg: u32) -> bool:
    """Replace each mapping of `page` in `vma` by a swap, migration or poison entry.

    Requires: page lock; the anon_vma's lock (the caller's, with TTU_RMAP_LOCKED).
    Effects:  per mapping, under its page-table lock: writes the PTE or PMD, flushes the TLB,
              may set PG_dirty, drops one mapcount and one reference.
    Omits:    device memory, hugetlb, pte_unused().
    """
    flags = TTU(arg)
    freeze = TTU_SPLIT_FREEZE if has(SPLIT_FREEZE_FLAG) else TTU_MIGRATION
    mm = vma.vm_mm

    # munlock has nothing to gain from VMAs that are not locked
    if flags & TTU_MUNLOCK and not vma.vm_flags & VM_LOCKED:
        return True

    if flags & TTU_SPLIT_HUGE_PMD and not has(FREEZE_SPLITS_PMD_IN_WALK):
        split_huge_pmd_address(vma, address, flags & freeze != 0, page)

    ret = True
    if has(UNMAP_NOTIFIES_OF_RANGE):
        end = end_of_unmapped(page, vma, address)
        mmu_notifier_invalidate_range_start(mm, address, end)
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    if has(SPLIT_WAITS_FOR_ZAP) and flags & TTU_SYNC:
        # an entry that somebody has just cleared may still be counted: wait for that, too
        pvmw.flags = PVMW_SYNC
    while page_vma_mapped_walk(pvmw):
        if has(THP_MIGRATION) and not pvmw.pte and flags & TTU_MIGRATION:
            assert PageTransCompound(page), "VM_BUG_ON_PAGE(!PageTransCompound(page))"
            if not PageAnon(page):
                continue
            set_pmd_migration_entry(pvmw, page)
            continue
        if has(FREEZE_SPLITS_PMD_IN_WALK) and not pvmw.pte and flags & TTU_SPLIT_HUGE_PMD:
            haddr = pvmw.address & HPAGE_PMD_MASK
            __split_huge_pmd_locked(vma, pvmw.pmd, haddr, flags & freeze != 0)
            if not has(FREEZE_GOES_ON_AFTER_PMD_SPLIT):
                ret = False
                page_vma_mapped_walk_done(pvmw)
                break
            page_vma_mapped_walk_restart(pvmw)
            continue

        if not flags & TTU_IGNORE_MLOCK:
            if vma.vm_flags & VM_LOCKED:
                # huge pages mapped by PTEs are never mlocked
                if not PageTransCompound(page):
                    mlock_vma_page(page)
                ret = False
                page_vma_mapped_walk_done(pvmw)
                break
            if flags & TTU_MUNLOCK:
                continue

        # a huge page still mapped by a PMD?
        assert pvmw.pte, "VM_BUG_ON_PAGE(!pvmw.pte): unexpected PMD-mapped THP"
        pteval = pvmw.pte.val
        subpage = pfn_to_page(pte_pfn(pteval))

        if not flags & TTU_IGNORE_ACCESS:
            if ptep_test_and_clear_young(pvmw.pte):
                flush_tlb_range(mm, pvmw.address, pvmw.address + PAGE_SIZE)
                ret = False
                page_vma_mapped_walk_done(pvmw)
                break

        if should_defer_flush(mm, flags):
            # A processor may still write to the page by a stale translation; if that was clean,
            # the store traps, because the entry is gone.
            pteval = ptep_get_and_clear(pvmw.pte)
            set_tlb_ubc_flush_pending(mm, pte_dirty(pteval))
        else:
            pteval = ptep_clear_flush(vma, pvmw.address, pvmw.pte)

        # the PTE is gone: its dirty bit moves to the page
        if pte_dirty(pteval):
            set_page_dirty(page)

        broken = page
        if MEMORY_FAILURE and has(POISON_IS_THE_SUBPAGES):
            broken = subpage
        if PageHWPoison(broken) and not flags & TTU_IGNORE_HWPOISON:
            add_mm_counter(mm, MM_ANONPAGES, -1)
            entry = swp_entry(SWP_HWPOISON, page_to_pfn(subpage))
            set_pte_at(pvmw.pte, swp_entry_to_pte(entry))
        elif flags & (TTU_MIGRATION | freeze):
            entry = make_migration_entry(subpage, pte_write(pteval))
            if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY):
                entry = make_migration_entry_young_dirty(
                    entry, pte_young(pteval), pte_dirty(pteval)
                )
            swp_pte = swp_entry_to_pte(entry)
            if has(MIGRATION_KEEPS_SOFT_DIRTY) and pte_soft_dirty(pteval):
                swp_pte = pte_swp_mksoft_dirty(swp_pte)
            if has(USERFAULTFD_WP) and pte_uffd_wp(pteval):
                swp_pte = pte_swp_mkuffd_wp(swp_pte)
            set_pte_at(pvmw.pte, swp_pte)
        else:
            assert PageAnon(page), "file pages are not part of the specification"
            swap_backed = PageSwapBacked(page)
            if swap_backed != PageSwapCache(page):
                # neither in the swap cache nor freed lazily: what it held is lost
                bug("WARNING", "WARN_ON_ONCE(PageSwapBacked(page) != PageSwapCache(page))", page)
                ret = False
                page_vma_mapped_walk_done(pvmw)
                break
            if not PageSwapBacked(page):
                keep = False
                if has(RECLAIM_KEEPS_LAZYFREE_PINNED):
                    # only who has isolated it, and mappings: nobody stores to it by other ways
                    ref_count = page_ref_count(page)
                    keep = ref_count != 1 + page_mapcount(page)
                if keep or PageDirty(page):
                    # written again: it cannot be dropped
                    set_pte_at(pvmw.pte, pteval)
                    set_page_flags(page, PG_swapbacked)
                    ret = False
                    page_vma_mapped_walk_done(pvmw)
                    break
                is_dropped(mm, pvmw.address, subpage)
                add_mm_counter(mm, MM_ANONPAGES, -1)
            else:
                slot = subpage.private
                if swap_duplicate(slot) < 0:
                    set_pte_at(pvmw.pte, pteval)
                    ret = False
                    page_vma_mapped_walk_done(pvmw)
                    break
                add_mm_counter(mm, MM_ANONPAGES, -1)
                add_mm_counter(mm, MM_SWAPENTS, 1)
                swp_pte = swp_entry_to_pte(swp_entry(0, slot))
                if pte_soft_dirty(pteval):
                    swp_pte = pte_swp_mksoft_dirty(swp_pte)
                set_pte_at(pvmw.pte, swp_pte)
        page_remove_rmap(subpage, False)
        put_page(page)
        if not has(UNMAP_NOTIFIES_OF_RANGE):
            # of a huge page it is always the first address that is named
            mmu_notifier_invalidate_page(mm, address)
    if has(UNMAP_NOTIFIES_OF_RANGE):
        mmu_notifier_invalidate_range_end(mm, address, end)
    return ret


@try_to_unmap_one.before(FREEZE_IN_ONE_CALL, at="v4.10")
def try_to_unmap_one_page(page: Page, vma: Vma, address: u32, arg: u32) -> bool:
    """Replace the one PTE that maps this very page in `vma`.

    A huge page is unmapped subpage by subpage; only the call for the head splits the PMD. The
    drafts of THP migration put their branch here. Omits: swap, lazy freeing, poison.
    """
    flags = TTU(arg)
    freeze = TTU_SPLIT_FREEZE if has(SPLIT_FREEZE_FLAG) else TTU_MIGRATION

    if has(BRANCH_AT_TOP) and flags & TTU_MIGRATION and PageTransCompound(page):
        set_pmd_migration_entry_v2(page, vma, address)
        return True
    if has(BRANCH_HEAD_ONLY_WITH_PSE) and flags & TTU_MIGRATION and PageHead(page):
        set_pmd_migration_entry_v1(page, vma, address)
        return True

    if flags & TTU_MUNLOCK and not vma.vm_flags & VM_LOCKED:
        return True

    if flags & TTU_SPLIT_HUGE_PMD:
        split_huge_pmd_address(vma, address, flags & freeze != 0, page)
        # is anything left to do after the split?
        if page_mapcount(page) == 0:
            return True

    if has(BRANCH_ON_ANY_SUBPAGE) and flags & TTU_MIGRATION and PageTransCompound(page):
        set_pmd_migration_entry_literally(page, vma, address)
        return True

    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    sync = has(SPLIT_WAITS_FOR_ZAP) and flags & TTU_SYNC != 0
    if not page_check_address(page, vma, address, pvmw, sync):
        return True
    if not flags & TTU_IGNORE_MLOCK and vma.vm_flags & VM_LOCKED:
        if not PageTransCompound(page):
            mlock_vma_page(page)
        spin_unlock(pvmw.ptl)
        return False
    if flags & TTU_MUNLOCK:
        spin_unlock(pvmw.ptl)
        return True

    pteval = ptep_clear_flush(vma, address, pvmw.pte)
    if pte_dirty(pteval):
        set_page_dirty(page)
    assert flags & (TTU_MIGRATION | freeze), "swap is not part of this text"
    entry = make_migration_entry(page, pte_write(pteval))
    swp_pte = swp_entry_to_pte(entry)
    if has(MIGRATION_KEEPS_SOFT_DIRTY) and pte_soft_dirty(pteval):
        swp_pte = pte_swp_mksoft_dirty(swp_pte)
    set_pte_at(pvmw.pte, swp_pte)
    page_remove_rmap(page, False)
    put_page(page)
    spin_unlock(pvmw.ptl)
    # whoever unmaps the page keeps it until this is done
    mmu_notifier_invalidate_page(vma.vm_mm, address)
    return True


@restates("mm/rmap.c", at="v4.14")
def mm_find_pmd(mm: Mm, address: u32) -> Pmd:
    """The PMD for an address if it leads to a page table; NULL if it is none, huge, or an entry."""
    pmd = pmd_offset(mm, address)
    pmde = pmd.val
    if not pmd_present(pmde):
        return NULL
    if not has(FIND_PMD_READS_ONCE):
        # who rewrites a huge PMD can have made it none for a moment
        pmde = pmd.val
    if pmd_trans_huge(pmde):
        return NULL
    return pmd


@restates("mm/rmap.c", at="v4.14")
def is_vma_temporary_stack(vma: Vma) -> bool:
    """The stack that exec is still building, and will move without the reverse map's locks."""
    if not vma.vm_flags & VM_GROWSDOWN:
        return False
    return vma.vm_flags & VM_STACK_INCOMPLETE_SETUP == VM_STACK_INCOMPLETE_SETUP


@restates("mm/rmap.c", at="v4.14")
def invalid_migration_vma(vma: Vma) -> bool:
    """A VMA where a migration entry could be lost."""
    return is_vma_temporary_stack(vma)


@restates("mm/rmap.c", at="v4.14")
def page_not_mapped(page: Page) -> bool:
    """Whether there is nothing left to unmap."""
    return not page_mapped(page)


@restates("mm/rmap.c", at="v4.14")
def page_mapcount_is_zero(page: Page) -> bool:
    """The same; but counts that change meanwhile may add up to 0."""
    if has(FREEZE_IN_ONE_CALL):
        return total_mapcount(page) == 0
    return page_mapcount(page) == 0


@restates("mm/rmap.c", at="v4.14")
def try_to_unmap(page: Page, flags: TTU) -> bool:
    """Unmap a page everywhere; whether nothing maps it then (of a huge page: its head).

    Requires: page lock, and a reference.
    """
    freeze = TTU_SPLIT_FREEZE if has(SPLIT_FREEZE_FLAG) else TTU_MIGRATION
    rwc = RmapWalkControl(
        rmap_one=try_to_unmap_one,
        arg=flags,
        done=page_mapcount_is_zero,
        anon_lock=page_lock_anon_vma_read,
    )
    if has(UNMAP_UNTIL_NOT_MAPPED):
        rwc.done = page_not_mapped
    # exec moves its stack's page tables with no lock that we know of
    if flags & (TTU_MIGRATION | freeze) and PageAnon(page):
        if not (NR_STABLE_NODES and PageKsm(page)):
            rwc.invalid_vma = invalid_migration_vma
    if flags & TTU_RMAP_LOCKED:
        rmap_walk_locked(page, rwc)
    else:
        rmap_walk(page, rwc)
    return page_mapcount(page) == 0


@restates("mm/rmap.c", at="v4.14")
def try_to_munlock(page: Page) -> None:
    """Mark a page again that was in a VM_LOCKED mapping, if another such mapping has it.

    Requires: page lock; the page is isolated.
    """
    rwc = RmapWalkControl(
        rmap_one=try_to_unmap_one,
        arg=TTU_MUNLOCK,
        done=page_not_mapped,
        anon_lock=page_lock_anon_vma_read,
    )
    assert PageLocked(page) and not PageLRU(page), (
        "VM_BUG_ON_PAGE(!PageLocked(page) || PageLRU(page))"
    )
    assert not (PageCompound(page) and PageDoubleMap(page)), (
        "VM_BUG_ON_PAGE(PageCompound(page) && PageDoubleMap(page))"
    )
    rmap_walk(page, rwc)


# These files need each other, as in the kernel, where headers declare what they share.
from mmspec.spec.page.huge_memory import (  # noqa: E402
    __split_huge_pmd_locked,
    deferred_split_huge_page,
    set_pmd_migration_entry,
    set_pmd_migration_entry_literally,
    set_pmd_migration_entry_v1,
    set_pmd_migration_entry_v2,
    split_huge_pmd_address,
)
from mmspec.spec.page.ksm import rmap_walk_ksm  # noqa: E402
from mmspec.spec.page.madvise import is_dropped  # noqa: E402
from mmspec.spec.page.mlock import clear_page_mlock, mlock_vma_page  # noqa: E402
from mmspec.spec.page.mmu_notifier import (  # noqa: E402
    mmu_notifier_invalidate_page,
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
