"""ksmd: base pages of equal content become one (mm/ksm.c).

A page that did not change between two scans is looked for in two trees: the stable one, of pages
that others have been merged into, and the unstable one, of pages that nobody keeps from changing.
Trees are searched by content; a frame holds one byte. All of it is done under ksm_thread_mutex.

Omits: a tree for each node, limits of how often a page is shared, merging with the zero page,
statistics, memory that goes offline.
"""

from __future__ import annotations

from mmspec.kernels.changes import KSM_HEEDS_PENDING_FLUSHES, KSM_SPLITS_WHAT_BOTH_ARE_OF
from mmspec.lang import BUG_ON, NULL, OnStack, atomic, bug, has, restates, u8, u16, u32, u64
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import pte_dirty, pte_mkclean, pte_write, pte_wrprotect
from mmspec.spec.machine.sizes import (
    NR_MM_SLOTS,
    NR_RMAP_ITEMS,
    NR_STABLE_NODES,
    PAGE_MASK,
    PAGE_SIZE,
)
from mmspec.spec.page.filemap import lock_page, trylock_page, unlock_page
from mmspec.spec.page.gup import FOLL_GET, FOLL_MIGRATION, FollowedPage, follow_page
from mmspec.spec.page.huge_memory import (
    FAULT_FLAG_WRITE,
    VM_FAULT_OOM,
    VM_FAULT_WRITE,
    split_huge_page,
)
from mmspec.spec.page.ksm import (
    __ksm_enter,
    page_stable_node,
    set_page_stable_node,
    stable_node_mapping,
)
from mmspec.spec.page.memory import handle_mm_fault
from mmspec.spec.page.mlock import mlock_vma_page, munlock_vma_page
from mmspec.spec.page.mm import (
    get_page,
    get_page_unless_zero,
    page_count,
    page_mapcount,
    page_mapped,
    page_to_pfn,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import (
    EFAULT,
    ENOMEM,
    MMF_VM_MERGEABLE,
    VM_LOCKED,
    VM_MERGEABLE,
    VM_SHARED,
    Mm,
    MmSlot,
    Page,
    RmapItem,
    StableNode,
    Vma,
    ksm,
)
from mmspec.spec.page.mmap import find_vma, mmdrop
from mmspec.spec.page.mmu_notifier import (
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageDirty,
    PageKsm,
    PageMlocked,
    PageSwapCache,
    PageTransCompound,
    SetPageDirty,
    compound_head,
    set_page_dirty,
)
from mmspec.spec.page.page_vma_mapped import (
    PageVmaMappedWalk,
    page_vma_mapped_walk,
    page_vma_mapped_walk_done,
)
from mmspec.spec.page.pgtable import (
    mk_pte,
    mm_tlb_flush_pending,
    pmd_table,
    pte_in,
    pte_lockptr,
    ptep_clear_flush,
    set_pte_at,
)
from mmspec.spec.page.rmap import (
    get_anon_vma,
    mm_find_pmd,
    page_add_anon_rmap,
    page_address_in_vma,
    page_remove_rmap,
    put_anon_vma,
)
from mmspec.spec.page.swap import mark_page_accessed, put_page
from mmspec.spec.page.swapfile import try_to_free_swap

MADV_MERGEABLE, MADV_UNMERGEABLE = 12, 13

#: Low bits of an item's address: the scan that put it into the unstable tree, and in which it is.
SEQNR_MASK, UNSTABLE_FLAG, STABLE_FLAG = 0xFF, 0x100, 0x200


class OrigPte(OnStack):
    """Where write_protect_page() leaves the PTE that it has seen to."""

    val: u64 = 0


class TreePage(OnStack):
    """Where unstable_tree_search_insert() leaves the page of the item it returns."""

    page: Page = NULL


# ------------------------------------------------------------------------------------ allocation


@atomic
def alloc_rmap_item() -> RmapItem:
    """A new item; NULL if there is none left."""
    for k in range(NR_RMAP_ITEMS):
        rmap_item = ksm.rmap_items[k]
        if not rmap_item.used:
            rmap_item.used = 1
            return rmap_item
    return NULL


@atomic
def free_rmap_item(rmap_item: RmapItem) -> None:
    """Give an item back: zero, as the next one will be."""
    rmap_item.used = 0
    rmap_item.rmap_list = NULL
    rmap_item.anon_vma = NULL
    rmap_item.mm = NULL
    rmap_item.address = 0
    rmap_item.oldchecksum = 0
    rmap_item.head = NULL
    rmap_item.hlist = NULL
    rmap_item.node = NULL


@atomic
def alloc_stable_node() -> StableNode:
    """A new node, in the tree at once, where only ksmd looks. NULL if there is none left."""
    for k in range(NR_STABLE_NODES):
        stable_node = ksm.stable_nodes[k]
        if not stable_node.used:
            stable_node.used = 1
            return stable_node
    return NULL


@atomic
def free_stable_node(stable_node: StableNode) -> None:
    """Give a node back."""
    assert stable_node.rmap_hlist_len == 0, "VM_BUG_ON(stable_node->rmap_hlist_len)"
    stable_node.used = 0
    stable_node.hlist = NULL
    stable_node.kpfn = 0


# ------------------------------------------------------------------------------------- unmerging


@atomic
def ksm_test_exit(mm: Mm) -> bool:
    """Whether nobody uses it any more. Requires: mmap_sem."""
    return mm.mm_users == 0


@restates("mm/ksm.c", at="v4.14")
def break_ksm(vma: Vma, address: u32) -> int:
    """Give a place a page of its own, if a merged one is mapped there. Requires: mmap_sem."""
    found = FollowedPage()
    ret: u8 = 0
    while not ret & (VM_FAULT_WRITE | VM_FAULT_OOM):
        follow_page(vma, address, FOLL_GET | FOLL_MIGRATION, found)
        page = found.page
        if not page:
            break
        if PageKsm(page):
            # it may back out if anything has changed
            ret = handle_mm_fault(vma, address, FAULT_FLAG_WRITE)
        else:
            ret = VM_FAULT_WRITE
        put_page(page)
    if ret & VM_FAULT_OOM:
        return -ENOMEM
    return 0


@restates("mm/ksm.c", at="v4.14")
def find_mergeable_vma(mm: Mm, address: u32) -> Vma:
    """The VMA at an address, if its pages may be merged; else NULL. Requires: mmap_sem."""
    if ksm_test_exit(mm):
        return NULL
    vma = find_vma(mm, address)
    if not vma or vma.vm_start > address:
        return NULL
    if not vma.vm_flags & VM_MERGEABLE or not vma.anon_vma:
        return NULL
    return vma


@restates("mm/ksm.c", at="v4.14")
def break_cow(rmap_item: RmapItem) -> None:
    """Undo a merge: what keeps the anon_vma, and the mapping."""
    mm = rmap_item.mm
    address = rmap_item.address
    put_anon_vma(rmap_item.anon_vma)
    down_read(mm.mmap_sem)
    vma = find_mergeable_vma(mm, address)
    if vma:
        break_ksm(vma, address)
    up_read(mm.mmap_sem)


@restates("mm/ksm.c", at="v4.14")
def get_mergeable_page(rmap_item: RmapItem, found: FollowedPage) -> Page:
    """The page that is mapped at an address now, with a reference; NULL if it cannot be merged."""
    mm = rmap_item.mm
    address = rmap_item.address & PAGE_MASK
    found.page = NULL
    down_read(mm.mmap_sem)
    vma = find_mergeable_vma(mm, address)
    if vma:
        follow_page(vma, address, FOLL_GET, found)
        if found.page and not PageAnon(found.page):
            put_page(found.page)
            found.page = NULL
    up_read(mm.mmap_sem)
    return found.page


@restates("mm/ksm.c", at="v4.14")
def unmerge_ksm_pages(vma: Vma, start: u32, end: u32) -> int:
    """Give a range pages of its own. Omits: signals."""
    err = 0
    address = start
    while address < end and err == 0:
        if ksm_test_exit(vma.vm_mm):
            break
        err = break_ksm(vma, address)
        address += PAGE_SIZE
    return err


# ------------------------------------------------------------------------------- the stable tree


@restates("mm/ksm.c", at="v4.14")
def remove_node_from_stable_tree(stable_node: StableNode) -> None:
    """The page of a node has gone: forget where it was found."""
    rmap_item = stable_node.hlist
    while rmap_item:
        stable_node.rmap_hlist_len -= 1
        put_anon_vma(rmap_item.anon_vma)
        rmap_item.anon_vma = NULL
        rmap_item.address &= PAGE_MASK
        rmap_item = rmap_item.hlist
    free_stable_node(stable_node)


@restates("mm/ksm.c", at="v4.14")
def get_ksm_page(stable_node: StableNode, lock_it: bool) -> Page:
    """The page of a node, with a reference; NULL, and the node is removed, if it has gone.

    The node has no reference to it: the page is looked at to see whether it is the node's still.
    """
    expected_mapping = stable_node_mapping(stable_node)
    while True:
        kpfn = stable_node.kpfn
        page = pfn_to_page(kpfn)
        stale = page.mapping != expected_mapping
        if not stale:
            while not get_page_unless_zero(page):
                # free, or frozen by who moves it in the swap cache
                if not PageSwapCache(page):
                    stale = True
                    break
        if not stale and page.mapping != expected_mapping:
            put_page(page)
            stale = True
        if not stale and lock_it:
            lock_page(page)
            if page.mapping != expected_mapping:
                unlock_page(page)
                put_page(page)
                stale = True
        if not stale:
            return page
        # it may have moved
        if stable_node.kpfn == kpfn:
            break
    remove_node_from_stable_tree(stable_node)
    return NULL


def hlist_del(stable_node: StableNode, rmap_item: RmapItem) -> None:
    """Take an item off what hangs off a node."""
    if stable_node.hlist is rmap_item:
        stable_node.hlist = rmap_item.hlist
    else:
        before = stable_node.hlist
        while before.hlist is not rmap_item:
            before = before.hlist
        before.hlist = rmap_item.hlist
    rmap_item.hlist = NULL


def rb_erase(rmap_item: RmapItem) -> None:
    """Take an item out of the unstable tree."""
    if ksm.unstable_tree is rmap_item:
        ksm.unstable_tree = rmap_item.node
    else:
        before = ksm.unstable_tree
        while before.node is not rmap_item:
            before = before.node
        before.node = rmap_item.node
    rmap_item.node = NULL


@restates("mm/ksm.c", at="v5.13")
def remove_rmap_item_from_tree(rmap_item: RmapItem) -> None:
    """Take an address out of the tree that it is in."""
    if rmap_item.address & STABLE_FLAG:
        stable_node = rmap_item.head
        page = get_ksm_page(stable_node, True)
        if page:
            hlist_del(stable_node, rmap_item)
            unlock_page(page)
            put_page(page)
            assert stable_node.rmap_hlist_len > 0, "VM_BUG_ON(stable_node->rmap_hlist_len <= 0)"
            stable_node.rmap_hlist_len -= 1
            put_anon_vma(rmap_item.anon_vma)
            rmap_item.anon_vma = NULL
            rmap_item.head = NULL
            rmap_item.address &= PAGE_MASK
    elif rmap_item.address & UNSTABLE_FLAG:
        # of an earlier scan: the tree that it was in has been forgotten
        age = (ksm.seqnr - (rmap_item.address & SEQNR_MASK)) & SEQNR_MASK
        BUG_ON(age > 1)
        if age == 0:
            rb_erase(rmap_item)
        rmap_item.node = NULL
        rmap_item.address &= PAGE_MASK


@restates("mm/ksm.c", at="v4.14")
def remove_trailing_rmap_items(slot: MmSlot, rmap_list: RmapItem) -> None:
    """Forget all addresses behind an item; all of an address space, if that is NULL."""
    while True:
        rmap_item = next_rmap_item(slot, rmap_list)
        if not rmap_item:
            return
        unlink_rmap_item(slot, rmap_list)
        remove_rmap_item_from_tree(rmap_item)
        free_rmap_item(rmap_item)


def next_rmap_item(slot: MmSlot, rmap_list: RmapItem) -> RmapItem:
    """*rmap_list: what is behind an item; the first one of an address space, if that is NULL."""
    if rmap_list:
        return rmap_list.rmap_list
    return slot.rmap_list


def unlink_rmap_item(slot: MmSlot, rmap_list: RmapItem) -> None:
    """*rmap_list = (*rmap_list)->rmap_list."""
    if rmap_list:
        rmap_list.rmap_list = rmap_list.rmap_list.rmap_list
    else:
        slot.rmap_list = slot.rmap_list.rmap_list


def link_rmap_item(slot: MmSlot, rmap_list: RmapItem, rmap_item: RmapItem) -> None:
    """*rmap_list = rmap_item, with what was there behind it."""
    if rmap_list:
        rmap_item.rmap_list = rmap_list.rmap_list
        rmap_list.rmap_list = rmap_item
    else:
        rmap_item.rmap_list = slot.rmap_list
        slot.rmap_list = rmap_item


# --------------------------------------------------------------------------------------- merging


@restates("mm/ksm.c", at="v4.14")
def calc_checksum(page: Page) -> u16:
    """A number that tells contents apart, but for one in 4 billion; here always. Never 0."""
    return page.data + 1


@restates("mm/ksm.c", at="v4.14")
def pages_identical(page1: Page, page2: Page) -> bool:
    """Whether two pages hold the same. Restates memcmp_pages() as well."""
    data = page1.data
    return data == page2.data


@restates("mm/ksm.c", at="v4.14")
def write_protect_page(vma: Vma, page: Page, orig_pte: OrigPte) -> int:
    """See that nobody can store to a page by the one PTE that the VMA maps it with, and that nobody
    refers to it but by mappings. Requires: page lock, and a reference.
    """
    mm = vma.vm_mm
    found = page_address_in_vma(page, vma)
    if found == -EFAULT:
        return -EFAULT
    address: u32 = found
    compound = PageTransCompound(page)
    BUG_ON(compound)
    mmu_notifier_invalidate_range_start(mm, address, address + PAGE_SIZE)
    err = -EFAULT
    pvmw = PageVmaMappedWalk(page=page, vma=vma, address=address)
    if page_vma_mapped_walk(pvmw):
        if not pvmw.pte:
            bug("WARNING", "WARN_ONCE(!pvmw.pte): Unexpected PMD mapping?", page)
        else:
            err = _write_protect_pte(mm, pvmw, page)
            orig_pte.val = pvmw.pte.val
        page_vma_mapped_walk_done(pvmw)
    mmu_notifier_invalidate_range_end(mm, address, address + PAGE_SIZE)
    return err


def _write_protect_pte(mm: Mm, pvmw: PageVmaMappedWalk, page: Page) -> int:
    """What write_protect_page() does under the PTE's lock."""
    pteval = pvmw.pte.val
    protect = pte_write(pteval) or pte_dirty(pteval)
    if has(KSM_HEEDS_PENDING_FLUSHES) and not protect:
        # somebody has just made it read-only: a processor may still store to it
        protect = mm_tlb_flush_pending(mm)
    if not protect:
        return 0
    swapped = 1 if PageSwapCache(page) else 0
    # Flushed before references are counted: after that nobody gets one by get_user_pages_fast().
    entry = ptep_clear_flush(pvmw.vma, pvmw.address, pvmw.pte)
    mappings = page_mapcount(page)
    if mappings + 1 + swapped != page_count(page):
        set_pte_at(pvmw.pte, entry)
        return -EFAULT
    if pte_dirty(entry):
        set_page_dirty(page)
    set_pte_at(pvmw.pte, pte_mkclean(pte_wrprotect(entry)))
    return 0


@restates("mm/ksm.c", at="v4.14")
def replace_page(vma: Vma, page: Page, kpage: Page, orig_pte: u64) -> int:
    """Map a merged page where the VMA maps another, if that PTE is still the same."""
    mm = vma.vm_mm
    found = page_address_in_vma(page, vma)
    if found == -EFAULT:
        return -EFAULT
    address: u32 = found
    pmd = mm_find_pmd(mm, address)
    if not pmd:
        return -EFAULT
    mmu_notifier_invalidate_range_start(mm, address, address + PAGE_SIZE)
    pmdval = pmd.val
    ptep = pte_in(pmd_table(pmdval), address)
    ptl = pte_lockptr(ptep)
    spin_lock(ptl)
    pteval = ptep.val
    if pteval != orig_pte:
        spin_unlock(ptl)
        mmu_notifier_invalidate_range_end(mm, address, address + PAGE_SIZE)
        return -EFAULT
    get_page(kpage)
    page_add_anon_rmap(kpage, vma, address, False)
    newpte = mk_pte(kpage, vma.vm_page_prot)
    ptep_clear_flush(vma, address, ptep)
    set_pte_at(ptep, newpte)
    page_remove_rmap(page, False)
    if not page_mapped(page):
        try_to_free_swap(page)
    put_page(page)
    spin_unlock(ptl)
    mmu_notifier_invalidate_range_end(mm, address, address + PAGE_SIZE)
    return 0


@restates("mm/ksm.c", at="v4.14")
def try_to_merge_one_page(vma: Vma, page: Page, kpage: Page) -> int:
    """Replace a page by a merged one; make it one, if that is NULL. Requires: mmap_sem."""
    # forked
    if page is kpage:
        return 0
    if not PageAnon(page):
        return -EFAULT
    # for PG_swapcache; what is locked is looked at another time
    if not trylock_page(page):
        return -EFAULT
    if PageTransCompound(page):
        if split_huge_page(page):
            unlock_page(page)
            return -EFAULT
    err = -EFAULT
    orig_pte = OrigPte()
    if write_protect_page(vma, page, orig_pte) == 0:
        if not kpage:
            set_page_stable_node(page, NULL)
            mark_page_accessed(page)
            # its entries are clean: reclaim must not think that nothing would be lost
            if not PageDirty(page):
                SetPageDirty(page)
            err = 0
        elif pages_identical(page, kpage):
            err = replace_page(vma, page, kpage, orig_pte.val)
    locked = page
    if vma.vm_flags & VM_LOCKED and kpage and err == 0:
        munlock_vma_page(page)
        if not PageMlocked(kpage):
            unlock_page(page)
            lock_page(kpage)
            mlock_vma_page(kpage)
            locked = kpage
    unlock_page(locked)
    return err


@restates("mm/ksm.c", at="v4.14")
def try_to_merge_with_ksm_page(rmap_item: RmapItem, page: Page, kpage: Page) -> int:
    """The same at an item's address, if it may still be done; the item then keeps the anon_vma."""
    mm = rmap_item.mm
    err = -EFAULT
    down_read(mm.mmap_sem)
    vma = find_mergeable_vma(mm, rmap_item.address & PAGE_MASK)
    if vma:
        err = try_to_merge_one_page(vma, page, kpage)
    if err == 0:
        remove_rmap_item_from_tree(rmap_item)
        # with mmap_sem still held
        anon_vma = vma.anon_vma
        rmap_item.anon_vma = anon_vma
        get_anon_vma(anon_vma)
    up_read(mm.mmap_sem)
    return err


@restates("mm/ksm.c", at="v4.14")
def try_to_merge_two_pages(
    rmap_item: RmapItem, page: Page, tree_rmap_item: RmapItem, tree_page: Page
) -> Page:
    """Make one page a merged one, and replace the other by it; NULL if that cannot be done."""
    err = try_to_merge_with_ksm_page(rmap_item, page, NULL)
    if err == 0:
        err = try_to_merge_with_ksm_page(tree_rmap_item, tree_page, page)
        # a merged page that is mapped once is good for nothing
        if err:
            break_cow(rmap_item)
    if err:
        return NULL
    return page


@restates("mm/ksm.c", at="v4.14")
def stable_tree_search(page: Page) -> Page:
    """The merged page that holds what a page does, with a reference; NULL if there is none."""
    if page_stable_node(page):
        # forked
        get_page(page)
        return page
    for k in range(NR_STABLE_NODES):
        stable_node = ksm.stable_nodes[k]
        if stable_node.used:
            tree_page = get_ksm_page(stable_node, False)
            if tree_page:
                identical = pages_identical(page, tree_page)
                put_page(tree_page)
                if identical:
                    # Locked for a moment: who moves it sees that somebody has a reference.
                    tree_page = get_ksm_page(stable_node, True)
                    if tree_page:
                        unlock_page(tree_page)
                        return tree_page
    return NULL


@restates("mm/ksm.c", at="v4.14")
def stable_tree_insert(kpage: Page) -> StableNode:
    """A node for a new merged page; NULL if there is none left. Requires: page lock.

    Omits: looking for a node of equal content, which would make the two a chain.
    """
    stable_node = alloc_stable_node()
    if stable_node:
        stable_node.kpfn = page_to_pfn(kpage)
        set_page_stable_node(kpage, stable_node)
    return stable_node


@restates("mm/ksm.c", at="v4.14")
def unstable_tree_search_insert(
    rmap_item: RmapItem, page: Page, tree_page: TreePage, found: FollowedPage
) -> RmapItem:
    """The item of the unstable tree whose page holds what a page does; if there is none, NULL, and
    the page's own item is put there.
    """
    last: RmapItem = NULL
    tree_rmap_item = ksm.unstable_tree
    while tree_rmap_item:
        other = get_mergeable_page(tree_rmap_item, found)
        if not other:
            return NULL
        # forked
        if page is other:
            put_page(other)
            return NULL
        if pages_identical(page, other):
            tree_page.page = other
            return tree_rmap_item
        put_page(other)
        last = tree_rmap_item
        tree_rmap_item = tree_rmap_item.node
    rmap_item.address |= UNSTABLE_FLAG | ksm.seqnr
    if last:
        last.node = rmap_item
    else:
        ksm.unstable_tree = rmap_item
    return NULL


@restates("mm/ksm.c", at="v4.14")
def stable_tree_append(rmap_item: RmapItem, stable_node: StableNode) -> None:
    """A merged page is mapped at an item's address, too. Requires: page lock."""
    stable_node.rmap_hlist_len += 1
    rmap_item.head = stable_node
    rmap_item.address |= STABLE_FLAG
    rmap_item.hlist = stable_node.hlist
    stable_node.hlist = rmap_item


@restates("mm/ksm.c", at="v4.17")
def cmp_and_merge_page(page: Page, rmap_item: RmapItem, found: FollowedPage) -> None:
    """Merge a page with one of equal content, if there is one in either tree."""
    stable_node = page_stable_node(page)
    if stable_node and rmap_item.head is stable_node:
        return
    kpage = stable_tree_search(page)
    remove_rmap_item_from_tree(rmap_item)
    if kpage:
        if try_to_merge_with_ksm_page(rmap_item, page, kpage) == 0:
            lock_page(kpage)
            stable_tree_append(rmap_item, page_stable_node(kpage))
            unlock_page(kpage)
        put_page(kpage)
        return
    # what changes from scan to scan is not worth looking for
    checksum = calc_checksum(page)
    if rmap_item.oldchecksum != checksum:
        rmap_item.oldchecksum = checksum
        return
    tree = TreePage()
    tree_rmap_item = unstable_tree_search_insert(rmap_item, page, tree, found)
    if not tree_rmap_item:
        return
    tree_page = tree.page
    kpage = try_to_merge_two_pages(rmap_item, page, tree_rmap_item, tree_page)
    # Two pages of one compound: with a reference for each it could not be split.
    split = False
    if has(KSM_SPLITS_WHAT_BOTH_ARE_OF) and PageTransCompound(page):
        split = compound_head(page) is compound_head(tree_page)
    put_page(tree_page)
    if kpage:
        lock_page(kpage)
        stable_node = stable_tree_insert(kpage)
        if stable_node:
            stable_tree_append(tree_rmap_item, stable_node)
            stable_tree_append(rmap_item, stable_node)
        unlock_page(kpage)
        if not stable_node:
            break_cow(tree_rmap_item)
            break_cow(rmap_item)
    elif split and trylock_page(page):
        split_huge_page(page)
        unlock_page(page)


# -------------------------------------------------------------------------------------- scanning


@restates("mm/ksm.c", at="v4.14")
def get_next_rmap_item(slot: MmSlot, address: u32) -> RmapItem:
    """The item of an address; those before it are forgotten. NULL if there is none left."""
    while True:
        rmap_item = next_rmap_item(slot, ksm.rmap_list)
        if not rmap_item:
            break
        if rmap_item.address & PAGE_MASK == address:
            return rmap_item
        if rmap_item.address > address:
            break
        unlink_rmap_item(slot, ksm.rmap_list)
        remove_rmap_item_from_tree(rmap_item)
        free_rmap_item(rmap_item)
    rmap_item = alloc_rmap_item()
    if rmap_item:
        rmap_item.mm = slot.mm
        rmap_item.address = address
        link_rmap_item(slot, ksm.rmap_list, rmap_item)
    return rmap_item


@atomic
def _first_mm_slot() -> MmSlot:
    """Go to the first address space of the list; NULL if it is empty."""
    ksm.mm_slot = NULL
    for k in range(NR_MM_SLOTS):
        slot = ksm.mm_slots[k]
        if slot.mm:
            ksm.mm_slot = slot
            return slot
    return NULL


@atomic
def _next_mm_slot(slot: MmSlot, done: bool) -> bool:
    """Go to the next address space; whether this one goes off the list: under ksm_mmlist_lock."""
    ksm.mm_slot = NULL
    passed = False
    for k in range(NR_MM_SLOTS):
        other = ksm.mm_slots[k]
        if other is slot:
            passed = True
        elif passed and other.mm and ksm.mm_slot is NULL:
            ksm.mm_slot = other
    if done:
        slot.mm = NULL
    return done


@atomic
def _clear_mergeable(mm: Mm) -> None:
    mm.flags &= ~MMF_VM_MERGEABLE


def _scan_vma(slot: MmSlot, vma: Vma, found: FollowedPage) -> RmapItem:
    """Go on to the next anonymous page of a VMA; NULL if it has none, or none left."""
    if ksm.address < vma.vm_start:
        ksm.address = vma.vm_start
    if not vma.anon_vma:
        ksm.address = vma.vm_end
    while ksm.address < vma.vm_end:
        if ksm_test_exit(slot.mm):
            break
        follow_page(vma, ksm.address, FOLL_GET, found)
        page = found.page
        if page:
            if PageAnon(page):
                rmap_item = get_next_rmap_item(slot, ksm.address)
                if rmap_item:
                    ksm.rmap_list = rmap_item
                    ksm.address += PAGE_SIZE
                    return rmap_item
            put_page(page)
            found.page = NULL
        ksm.address += PAGE_SIZE
    return NULL


@restates("mm/ksm.c", at="v4.14")
def scan_get_next_rmap_item(found: FollowedPage) -> RmapItem:
    """The next address, and its page, with a reference; NULL when all have been looked at.

    Departs from the original where there are no items left: it goes on to the next address.
    """
    slot = ksm.mm_slot
    if not slot:
        ksm.unstable_tree = NULL
        slot = _first_mm_slot()
        if not slot:
            return NULL
        ksm.address = 0
        ksm.rmap_list = NULL
    while slot:
        mm = slot.mm
        down_read(mm.mmap_sem)
        vma: Vma = NULL
        if not ksm_test_exit(mm):
            vma = find_vma(mm, ksm.address)
        while vma:
            if vma.vm_flags & VM_MERGEABLE:
                rmap_item = _scan_vma(slot, vma, found)
                if rmap_item:
                    up_read(mm.mmap_sem)
                    return rmap_item
            vma = vma.vm_next
        if ksm_test_exit(mm):
            ksm.address = 0
            ksm.rmap_list = NULL
        # nothing can be merged at higher addresses
        remove_trailing_rmap_items(slot, ksm.rmap_list)
        if _next_mm_slot(slot, ksm.address == 0):
            # it has no VMA any more that may be merged: nor will it, without mmap_sem
            _clear_mergeable(mm)
            up_read(mm.mmap_sem)
            mmdrop(mm)
        else:
            up_read(mm.mmap_sem)
        slot = ksm.mm_slot
        ksm.address = 0
        ksm.rmap_list = NULL
    ksm.seqnr = (ksm.seqnr + 1) & SEQNR_MASK
    return NULL


@restates("mm/ksm.c", at="v4.14")
def ksm_do_scan() -> None:
    """Look at all pages once. Omits: stopping after a hundred."""
    found = FollowedPage()
    while True:
        rmap_item = scan_get_next_rmap_item(found)
        if not rmap_item:
            return
        page = found.page
        cmp_and_merge_page(page, rmap_item, found)
        put_page(page)


@restates("mm/ksm.c", at="v4.14")
def ksm_scan_thread() -> None:
    """ksmd wakes up once."""
    spin_lock(ksm.thread_mutex)
    ksm_do_scan()
    spin_unlock(ksm.thread_mutex)


# --------------------------------------------------------------------------------------- madvise


@restates("mm/ksm.c", at="v4.14")
def ksm_madvise(vma: Vma, start: u32, end: u32, advice: u8) -> int:
    """Let ksmd merge what a VMA has, or undo it. Requires: mmap_sem for writing.

    Restates what madvise_behavior() does with the flags, too.
    """
    mm = vma.vm_mm
    if advice == MADV_MERGEABLE:
        if vma.vm_flags & (VM_MERGEABLE | VM_SHARED):
            return 0
        if not mm.flags & MMF_VM_MERGEABLE:
            err = __ksm_enter(mm)
            if err:
                return err
        vma.vm_flags |= VM_MERGEABLE
    else:
        if not vma.vm_flags & VM_MERGEABLE:
            return 0
        if vma.anon_vma:
            err = unmerge_ksm_pages(vma, start, end)
            if err:
                return err
        vma.vm_flags &= ~VM_MERGEABLE
    return 0
