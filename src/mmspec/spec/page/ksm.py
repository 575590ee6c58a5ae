"""Pages that KSM has merged, and what the rest of mm/ has to know of them (mm/ksm.c).

Such a page is anonymous, but belongs to no anon_vma: it is mapped wherever its contents are the
same, and never for writing. Its mapping word is a node of the stable tree, off which hang the
addresses that it was found at. ksmd, which merges, is in ksmd.py.
"""

from __future__ import annotations

from mmspec.lang import NULL, atomic, index_of, restates, u8, u32
from mmspec.spec.machine.locks import down_write, up_write
from mmspec.spec.machine.sizes import NR_MM_SLOTS, PAGE_MASK
from mmspec.spec.page.mm import linear_page_index, page_anon_vma, page_to_pfn, set_mm_flag
from mmspec.spec.page.mm_types import (
    ENOMEM,
    MMF_VM_MERGEABLE,
    Mm,
    Page,
    StableNode,
    Vma,
    ksm,
)
from mmspec.spec.page.page_flags import (
    PAGE_MAPPING_FLAGS,
    PAGE_MAPPING_KSM,
    PageKsm,
    PageLocked,
    PageUptodate,
    SetPageDirty,
    compound_head,
)

STABLE_NODE_ADDRESS = 0x8000
STABLE_NODE_SIZE = 0x100

# ------------------------------------------------------------------------------------- the page


@restates("mm/ksm.c", at="v4.14")
@atomic
def page_stable_node(page: Page) -> StableNode:
    """The node of a merged page; NULL if it has none yet, or was not merged."""
    mapping = compound_head(page).mapping
    if mapping & PAGE_MAPPING_FLAGS != PAGE_MAPPING_KSM or mapping < STABLE_NODE_ADDRESS:
        return NULL
    offset: u32 = mapping - STABLE_NODE_ADDRESS
    return ksm.stable_nodes[offset // STABLE_NODE_SIZE]


def stable_node_mapping(stable_node: StableNode) -> u32:
    """The mapping word of a page whose node this is."""
    return STABLE_NODE_ADDRESS + index_of(stable_node) * STABLE_NODE_SIZE + PAGE_MAPPING_KSM


@restates("mm/ksm.c", at="v4.14")
@atomic
def set_page_stable_node(page: Page, stable_node: StableNode) -> None:
    """The page is a merged one, with this node or none. Requires: page lock."""
    if stable_node is NULL:
        page.mapping = PAGE_MAPPING_KSM
    else:
        page.mapping = stable_node_mapping(stable_node)


# ------------------------------------------------------------------------------- the reverse map


@restates("mm/ksm.c", at="v4.18")
def rmap_walk_ksm(page: Page, rwc: RmapWalkControl) -> None:
    """Visit every place that a merged page was found at; then the same addresses of other address
    spaces, which may have been forked since.
    """
    assert PageKsm(page), "VM_BUG_ON_PAGE(!PageKsm(page))"
    # against changes to what hangs off the node
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    stable_node = page_stable_node(page)
    if not stable_node:
        return
    search_new_forks = False
    while True:
        rmap_item = stable_node.hlist
        while rmap_item:
            anon_vma = rmap_item.anon_vma
            anon_vma_lock_read(anon_vma)
            avc = anon_vma.rb_root
            while avc:
                vma = avc.vma
                address = rmap_item.address & PAGE_MASK
                skip = address < vma.vm_start or address >= vma.vm_end
                if not skip:
                    skip = (rmap_item.mm is vma.vm_mm) == search_new_forks
                if not skip and rwc.invalid_vma:
                    skip = rwc.invalid_vma(vma)
                if not skip:
                    if not rwc.rmap_one(page, vma, address, rwc.arg):
                        anon_vma_unlock_read(anon_vma)
                        return
                    if rwc.done:
                        if rwc.done(page):
                            anon_vma_unlock_read(anon_vma)
                            return
                avc = avc.rb_next
            anon_vma_unlock_read(anon_vma)
            rmap_item = rmap_item.hlist
        if search_new_forks:
            return
        search_new_forks = True


@restates("mm/ksm.c", at="v4.14")
def ksm_migrate_page(newpage: Page, oldpage: Page) -> None:
    """A merged page has moved: its node names the new one. Requires: both locked."""
    assert PageLocked(oldpage), "VM_BUG_ON_PAGE(!PageLocked(oldpage))"
    assert PageLocked(newpage), "VM_BUG_ON_PAGE(!PageLocked(newpage))"
    stable_node = page_stable_node(newpage)
    if stable_node:
        assert stable_node.kpfn == page_to_pfn(oldpage), (
            "VM_BUG_ON_PAGE(stable_node->kpfn != page_to_pfn(oldpage))"
        )
        stable_node.kpfn = page_to_pfn(newpage)
        # in this order: who finds the old page without its node looks at kpfn once more
        set_page_stable_node(oldpage, NULL)


@restates("mm/ksm.c", at="v4.14")
def ksm_might_need_to_copy(page: Page, vma: Vma, address: u32) -> Page:
    """The page of the swap cache to be mapped at an address, or a copy of it; NULL if there is no
    memory. Requires: page lock.

    A page that was merged when it was swapped out has swap entries at several places, and can be
    mapped at one of them only.
    """
    if PageKsm(page):
        if page_stable_node(page):
            return page
    else:
        anon_vma = page_anon_vma(page)
        if not anon_vma:
            return page
        if anon_vma.root is vma.anon_vma.root:
            if page.index == linear_page_index(vma, address):
                return page
    if not PageUptodate(page):
        return page
    new_page = alloc_pages_vma(vma, 0)
    if new_page:
        copy_highpage(new_page, page)
        SetPageDirty(new_page)
        SetPageUptodate(new_page)
        SetPageLocked(new_page)
    return new_page


# ------------------------------------------------------------------ whose address space to look at


@atomic
def _insert_to_mm_slots(mm: Mm) -> bool:
    """On the list, with a reference; False if there is no slot left. Omits: where on the list."""
    for k in range(NR_MM_SLOTS):
        slot = ksm.mm_slots[k]
        if slot.mm is NULL:
            slot.mm = mm
            mm.mm_count += 1
            return True
    return False


@restates("mm/ksm.c", at="v4.14")
def __ksm_enter(mm: Mm) -> int:
    """Put an address space on the list."""
    if not _insert_to_mm_slots(mm):
        return -ENOMEM
    set_mm_flag(mm, MMF_VM_MERGEABLE)
    return 0


#: What became of the slot of an address space whose users have gone.
NO_SLOT, FREED, LEFT = 0, 1, 2


@atomic
def _leave_mm_slots(mm: Mm) -> u8:
    """Off the list, unless ksmd is there, or has addresses to forget: under ksm_mmlist_lock."""
    for k in range(NR_MM_SLOTS):
        slot = ksm.mm_slots[k]
        if slot.mm is mm:
            if ksm.mm_slot is slot or slot.rmap_list:
                return LEFT
            slot.mm = NULL
            mm.flags &= ~MMF_VM_MERGEABLE
            mm.mm_count -= 1
            return FREED
    return NO_SLOT


@restates("mm/ksm.c", at="v4.14")
def __ksm_exit(mm: Mm) -> None:
    """The last user has gone: off the list, or wait until ksmd leaves the page tables alone."""
    if _leave_mm_slots(mm) == LEFT:
        down_write(mm.mmap_sem)
        up_write(mm.mmap_sem)


@restates("include/linux/ksm.h", at="v4.14")
def ksm_fork(mm: Mm, oldmm: Mm) -> int:
    """A child's VMAs are as mergeable as its parent's."""
    if oldmm.flags & MMF_VM_MERGEABLE:
        return __ksm_enter(mm)
    return 0


@restates("include/linux/ksm.h", at="v4.14")
def ksm_exit(mm: Mm) -> None:
    """The last user has gone."""
    if mm.flags & MMF_VM_MERGEABLE:
        __ksm_exit(mm)


# These files need each other, as in the kernel, where headers declare what they share.
from mmspec.spec.page.filemap import SetPageLocked  # noqa: E402
from mmspec.spec.page.page_alloc import (  # noqa: E402
    SetPageUptodate,
    alloc_pages_vma,
    copy_highpage,
)
from mmspec.spec.page.rmap import (  # noqa: E402
    RmapWalkControl,
    anon_vma_lock_read,
    anon_vma_unlock_read,
)
