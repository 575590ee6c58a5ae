"""What entries and flags must have kept: checked where a scenario asks for it.

They hold where nothing clears soft-dirty bits, and where the kernel promises them: not always, and
so not in every scenario.
"""

from __future__ import annotations

from mmspec.lang import NULL, i32, u8, u16, u32, u64
from mmspec.properties.mapped import entry_at, is_poison, page_at
from mmspec.properties.property import always, at_rest
from mmspec.spec.machine.pgtable import (
    _PAGE_PRESENT,
    _PAGE_PSE,
    _PAGE_RW,
    is_swap_pte,
    pmd_none,
    pmd_pfn,
    pmd_trans_huge,
    pte_dirty,
    pte_pfn,
    pte_present,
    pte_soft_dirty,
    pte_special,
    pte_swp_soft_dirty,
    pte_young,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_NR,
    NR_BROKEN,
    NR_FRAMES,
    NR_MMS,
    NR_TABLES,
    NR_TASKS,
    NR_VMAS,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_BASE,
    USER_PAGES,
)
from mmspec.spec.page.deferred_list import list_empty, page_deferred_list
from mmspec.spec.page.mm import page_to_nid
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    MM_SWAPENTS,
    NR_MLOCK,
    VM_EXEC,
    VM_LOCKED,
    VM_MERGEABLE,
    VM_READ,
    VM_WRITE,
    Mm,
    Page,
    Vma,
    broken_frames,
    cpus,
    mem_map,
    mms,
    page_tables,
    pgdat,
    swap_info,
    tasks,
    vmas,
)
from mmspec.spec.page.page_flags import (
    PG_dirty,
    PG_double_map,
    PG_head,
    PG_hwpoison,
    PG_idle,
    PG_mlocked,
    PG_swapcache,
    PG_uptodate,
)
from mmspec.spec.page.pgtable import pmd_table


@at_rest
def what_was_stored_to_is_soft_dirty() -> bool:
    """Every user page that was stored to is mapped soft-dirty, if nobody clears that."""
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    if mm.last_store[k * PTRS_PER_PTE + i]:
                        entry = entry_at(mm, k, i)
                        if pte_present(entry) and not pte_soft_dirty(entry):
                            return False
                        if is_swap_pte(entry) and not pte_swp_soft_dirty(entry):
                            return False
    return True


def _flags(page: Page) -> u32:
    """The flags of a page, or of the huge page it is part of."""
    if page.compound_head:
        return mem_map[page.compound_head - 1].flags
    return page.flags


def _page_is_dirty(page: Page) -> bool:
    return _flags(page) & PG_dirty != 0


def _is_on_swap(page: Page) -> bool:
    """Whether the page's slot holds what the page does."""
    slot = page.private
    return slot != 0 and swap_info.page[slot] is page and swap_info.data[slot] == page.data


@at_rest
def what_was_stored_to_is_dirty() -> bool:
    """Every user page that was stored to is dirty, by its entry or by its flag: it may not be
    dropped. Or the swap file has it.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    if mm.last_store[k * PTRS_PER_PTE + i]:
                        page = page_at(mm, k, i)
                        if page and not pte_dirty(entry_at(mm, k, i)):
                            if not _page_is_dirty(page) and not _is_on_swap(page):
                                return False
    return True


def _mapped_by_PTEs(head: Page) -> bool:
    extra = 1 if (head + 1).flags & PG_double_map else 0
    for i in range(HPAGE_PMD_NR):
        if (head + i)._mapcount + 1 - extra > 0:
            return True
    return False


@at_rest
def no_huge_page_that_PTEs_map_is_mlocked() -> bool:
    """PG_mlocked is for huge pages that only PMDs map: nobody could say when to clear it."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and page.flags & PG_head and page.flags & PG_mlocked:
            if _mapped_by_PTEs(page):
                return False
    return True


def _partly_mapped(head: Page) -> bool:
    """No PMD maps it, some PTEs do, and some of its pages are mapped by none."""
    if (head + 1).mapping >= 0:
        return False
    mapped = 0
    for i in range(HPAGE_PMD_NR):
        if (head + i)._mapcount >= 0:
            mapped += 1
    return mapped != 0 and mapped != HPAGE_PMD_NR


@at_rest
def partly_mapped_huge_pages_are_queued() -> bool:
    """A huge page of which a part is not mapped any more waits on the list of deferred splits."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and page.flags & PG_head and _partly_mapped(page):
            if list_empty(page_deferred_list(page)):
                return False
    return True


@at_rest
def huge_pages_stay_huge() -> bool:
    """Where nothing asks for a split, whatever is mapped is mapped by huge PMDs."""
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and not pmd_trans_huge(pmd):
                return False
    return True


@at_rest
def memory_that_is_taken_is_empty() -> bool:
    """A range of frames that was to be emptied, and in which nothing is pinned, is free."""
    for n in range(NR_FRAMES):
        if pgdat.isolated_start <= n and n < pgdat.isolated_end:
            if not mem_map[n].buddy:
                return False
    return True


@at_rest
def what_was_thrown_away_is_gone() -> bool:
    """Where everything was thrown away after the last store, nothing that was stored is left."""
    for m in range(NR_MMS):
        for k in range(USER_PAGES):
            if mms[m].mm_users and mms[m].last_store[k]:
                return False
    return True


def _translation(mm: Mm, k: u8, i: u8) -> u64:
    """What a processor would find for a user page if it walked the page tables; 0 for none."""
    pmd = mm.pgd.pmd[k].val
    if not pmd & _PAGE_PRESENT or pmd & _PAGE_PSE:
        return pmd
    return pmd_table(pmd).pte[i].val


def _forbids(vma: Vma, entry: u64) -> bool:
    """Whether an entry lets the processor do what the VMA does not."""
    if not entry & _PAGE_PRESENT:
        return False
    if entry & _PAGE_RW and not vma.vm_flags & VM_WRITE:
        return True
    return not vma.vm_flags & (VM_READ | VM_WRITE | VM_EXEC)


def _some_are_forbidden(vma: Vma) -> bool:
    """Whether any entry of a VMA, in page tables or in a TLB, lets a processor do too much."""
    mm = vma.vm_mm
    for k in range(PTRS_PER_PMD):
        for i in range(PTRS_PER_PTE):
            address: u32 = USER_BASE + ((k * PTRS_PER_PTE + i) << PAGE_SHIFT)
            if vma.vm_start <= address < vma.vm_end:
                if _forbids(vma, _translation(mm, k, i)):
                    return True
                for c in range(NR_TASKS):
                    if tasks[c].mm is mm:
                        if _forbids(vma, cpus[c].huge[k]):
                            return True
                        if _forbids(vma, cpus[c].small[k * PTRS_PER_PTE + i]):
                            return True
    return False


@always
def no_processor_can_store_where_the_VMA_forbids_it() -> bool:
    """While no mprotect() is under way no translation, in page tables or in a TLB, is writable
    where the VMA is not, or there at all where the VMA permits nothing.
    """
    for v in range(NR_VMAS):
        vma = vmas[v]
        if vma.used and vma.vm_mm and not vma.vm_mm.mmap_sem.writer:
            if not vma.vm_flags & VM_WRITE and _some_are_forbidden(vma):
                return False
    return True


@at_rest
def pages_are_on_the_nodes_they_are_bound_to() -> bool:
    """In a range that mbind() has bound to nodes, and moved, every page is on one of them."""
    for v in range(NR_VMAS):
        vma = vmas[v]
        if vma.used and vma.vm_policy:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    address = USER_BASE + (k * PTRS_PER_PTE + i) * PAGE_SIZE
                    if vma.vm_start <= address < vma.vm_end:
                        page = page_at(vma.vm_mm, k, i)
                        if page and not vma.vm_policy >> page_to_nid(page) & 1:
                            return False
    return True


@at_rest
def no_huge_page_is_left() -> bool:
    """Where every huge page was to be split, there is none any more."""
    for n in range(NR_FRAMES):
        if mem_map[n].flags & PG_head:
            return False
    return True


@at_rest
def what_was_thrown_away_is_given_up() -> bool:
    """Where everything was thrown away after the last store, no memory and no swap is used."""
    for m in range(NR_MMS):
        if mms[m].rss[MM_ANONPAGES] or mms[m].rss[MM_SWAPENTS]:
            return False
    return True


@at_rest
def mlocked_pages_are_counted() -> bool:
    """NR_MLOCK is the number of pages that are mlocked."""
    found: i32 = 0
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and not page.compound_head and page.flags & PG_mlocked:
            found += HPAGE_PMD_NR if page.flags & PG_head else 1
    return pgdat.stat[NR_MLOCK] == found


def _vma_at(mm: Mm, address: u32) -> Vma:
    vma = mm.mmap
    while vma and vma.vm_end <= address:
        vma = vma.vm_next
    return vma


def _frame_of(mm: Mm, k: u8, i: u8) -> u16:
    """One more than the frame that a user page is mapped to; 0 if to none."""
    entry = entry_at(mm, k, i)
    if not pte_present(entry):
        return 0
    if pmd_trans_huge(mm.pgd.pmd[k].val):
        return pmd_pfn(entry) + i + 1
    return pte_pfn(entry) + 1


def _in_locked_mapping(frame: u32) -> bool:
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    if _frame_of(mm, k, i) == frame + 1:
                        address = USER_BASE + (k * PTRS_PER_PTE + i) * PAGE_SIZE
                        vma = _vma_at(mm, address)
                        if vma and vma.vm_flags & VM_LOCKED:
                            return True
    return False


@at_rest
def mlocked_pages_are_in_locked_mappings() -> bool:
    """A page is mlocked only if a VM_LOCKED mapping has it."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and page.flags & PG_mlocked and not _in_locked_mapping(n):
            return False
    return True


@at_rest
def pages_of_locked_mappings_are_mlocked() -> bool:
    """A base page that a VM_LOCKED mapping has is mlocked, if nobody held its lock meanwhile."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and not page.compound_head and not page.flags & PG_head:
            if not page.flags & PG_mlocked and _in_locked_mapping(n):
                return False
    return True


@at_rest
def what_was_stored_to_is_mapped_dirty_and_young() -> bool:
    """Entries keep what the processor noted in them: that the page was used, and stored to."""
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    entry = entry_at(mm, k, i)
                    if mm.last_store[k * PTRS_PER_PTE + i] and pte_present(entry):
                        if not pte_dirty(entry) or not pte_young(entry):
                            return False
    return True


@at_rest
def what_was_stored_to_is_not_idle() -> bool:
    """Where all pages were idle before the first store, no user page that was stored to is idle,
    by its flag and by its entry.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    if mm.last_store[k * PTRS_PER_PTE + i]:
                        page = page_at(mm, k, i)
                        if page and not pte_young(entry_at(mm, k, i)) and _flags(page) & PG_idle:
                            return False
    return True


def _mergeable_at(mm: Mm, k: u8, i: u8) -> Page:
    """The page that is mapped at a user page, if its VMA lets it be merged; else NULL."""
    page = page_at(mm, k, i)
    vma = _vma_at(mm, USER_BASE + (k * PTRS_PER_PTE + i) * PAGE_SIZE)
    if not vma or not vma.vm_flags & VM_MERGEABLE:
        page = NULL
    return page


def _others_hold_the_same(page: Page) -> bool:
    """Whether another page that may be merged holds what a page does."""
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    other = _mergeable_at(mm, k, i)
                    if other and other is not page and other.data == page.data:
                        return True
    return False


@at_rest
def pages_of_equal_content_are_merged() -> bool:
    """Where ksmd has come often enough, and nobody has stored anything meanwhile, pages that may be
    merged and hold the same are one.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    page = _mergeable_at(mm, k, i)
                    if page and _others_hold_the_same(page):
                        return False
    return True


@at_rest
def what_is_mapped_is_up_to_date() -> bool:
    """Of what a page table maps nothing is known to be lost, unless somebody had a page isolated
    just when it broke: such a page is taken for unmapped.
    """
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte_present(pte) and not pte_special(pte):
                    page = mem_map[pte_pfn(pte)]
                    if not page.compound_head and not page.flags & PG_uptodate:
                        return False
    return True


@at_rest
def what_broke_is_given_up() -> bool:
    """Where nobody else uses what breaks, it can be given up: nobody reaches it any more."""
    for frame in range(NR_BROKEN):
        if mem_map[frame].flags & PG_hwpoison and not broken_frames[frame].given_up:
            return False
    return True


@at_rest
def what_has_a_copy_is_not_lost() -> bool:
    """Where all that breaks is in the swap file as well, nobody is told that it is lost."""
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                if is_poison(table.pte[i].val):
                    return False
    for n in range(NR_FRAMES):
        if mem_map[n].flags & PG_hwpoison and mem_map[n].flags & PG_swapcache:
            return False
    return True


@at_rest
def no_page_is_left_on_the_first_node() -> bool:
    """Where every process has been moved to the second node, none of its pages is on the first."""
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    page = page_at(mm, k, i)
                    if page and page_to_nid(page) == 0:
                        return False
    return True
