"""What must add up when nothing is under way any more: counts, and the memory's contents."""

from __future__ import annotations

from mmspec.lang import i32, u8, u16, u32, u64
from mmspec.properties.mapped import entry_at, is_poison, page_at
from mmspec.properties.property import after_exit, at_rest
from mmspec.spec.machine.locks import rcu
from mmspec.spec.machine.pgtable import (
    is_swap_pmd,
    is_swap_pte,
    non_swap_entry,
    pmd_none,
    pmd_pfn,
    pmd_present,
    pmd_trans_huge,
    pte_none,
    pte_pfn,
    pte_present,
    pte_special,
    pte_to_swp_entry,
    swp_offset,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_NR,
    MEMORY_FAILURE,
    NR_ANON_VMAS,
    NR_AVCS,
    NR_FRAMES,
    NR_MMS,
    NR_RMAP_ITEMS,
    NR_STABLE_NODES,
    NR_SWAP_SLOTS,
    NR_TABLES,
    NR_VMAS,
    PAGE_MASK,
    PAGE_SIZE,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_BASE,
)
from mmspec.spec.page.ksm import page_stable_node
from mmspec.spec.page.ksmd import STABLE_FLAG
from mmspec.spec.page.mm import linear_page_index, page_anon_vma, page_to_pgoff
from mmspec.spec.page.mm_types import (
    MM_ANONPAGES,
    MM_SWAPENTS,
    MMF_VM_MERGEABLE,
    NR_ANON_MAPPED,
    NR_ANON_THPS,
    NR_ISOLATED_ANON,
    VM_MERGEABLE,
    AnonVma,
    Mm,
    Page,
    anon_vma_chains,
    anon_vmas,
    huge_zero,
    ksm,
    mem_map,
    mms,
    page_tables,
    pgdat,
    swap_info,
    vmas,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageKsm,
    PG_double_map,
    PG_head,
    PG_hwpoison,
    PG_locked,
    PG_lru,
    PG_swapbacked,
    PG_swapcache,
)
from mmspec.spec.page.pgtable import pmd_table
from mmspec.spec.page.swapfile import SWAP_HAS_CACHE, data_in_slot


def _pmds_of(frame: u32) -> u16:
    """How many huge PMDs map the huge page that begins at a frame."""
    found = 0
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and pmd_present(pmd) and pmd_trans_huge(pmd):
                if pmd_pfn(pmd) == frame:
                    found += 1
    return found


def _ptes_of(frame: u32) -> u16:
    """How many PTEs of attached tables map a frame."""
    found = 0
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and pmd_present(pmd) and not pmd_trans_huge(pmd):
                table = pmd_table(pmd)
                for i in range(PTRS_PER_PTE):
                    pte = table.pte[i].val
                    if pte_present(pte) and pte_pfn(pte) == frame:
                        found += 1
    return found


def _is_huge(page: Page) -> bool:
    return page.flags & PG_head != 0


def _is_huge_zero(page: Page) -> bool:
    """Part of the huge zero page, whose mappings are not counted."""
    if page.compound_head:
        return huge_zero.page is mem_map[page.compound_head - 1]
    return huge_zero.page is page


def _compound_mapcount(head: Page) -> i32:
    """The raw count of PMD mappings, less one: the first tail's mapping word, signed."""
    word = (head + 1).mapping
    return word if word < 1 << 31 else word - (1 << 32)


@at_rest
def mapcount_equals_the_mappings() -> bool:
    """Each page counts the PTEs that map it, each huge page the PMDs that do."""
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if page.buddy:
            continue
        extra = 0
        if _is_huge(page) and not _is_huge_zero(page):
            if _compound_mapcount(page) + 1 != _pmds_of(n):
                return False
        head = page
        if page.compound_head:
            head = mem_map[page.compound_head - 1]
        if _is_huge(head) and (head + 1).flags & PG_double_map:
            extra = 1
        if page._mapcount + 1 - extra != _ptes_of(n):
            return False
    return True


def _covers(anon_vma: AnonVma, mm: Mm, address: u32) -> bool:
    """Whether an address is in a VMA under an anon_vma."""
    for n in range(NR_AVCS):
        avc = anon_vma_chains[n]
        if avc.used and avc.anon_vma is anon_vma and avc.vma.vm_mm is mm:
            if avc.vma.vm_start <= address < avc.vma.vm_end:
                return True
    return False


def _will_be_noted(mm: Mm, address: u32) -> bool:
    """Whether ksmd has forgotten an address, as it met a migration entry, and will come again."""
    for n in range(NR_RMAP_ITEMS):
        rmap_item = ksm.rmap_items[n]
        if rmap_item.mm is mm and rmap_item.address == address | STABLE_FLAG:
            return False
    vma = mm.mmap
    while vma:
        if vma.vm_start <= address < vma.vm_end:
            return vma.vm_flags & VM_MERGEABLE != 0 and mm.flags & MMF_VM_MERGEABLE != 0
        vma = vma.vm_next
    return False


def _is_found_by_node(page: Page, mm: Mm, address: u32) -> bool:
    """The same of a page that KSM has merged, if its node is known."""
    stable_node = page_stable_node(page)
    if not stable_node:
        return False
    rmap_item = stable_node.hlist
    while rmap_item:
        if rmap_item.address & PAGE_MASK == address:
            if _covers(rmap_item.anon_vma, mm, address):
                return True
        rmap_item = rmap_item.hlist
    return _will_be_noted(mm, address)


def _is_found(page: Page, mm: Mm, address: u32) -> bool:
    """Whether a walk of an anonymous page's mappings comes to an address."""
    if not PageAnon(page):
        return True
    if NR_STABLE_NODES and PageKsm(page):
        return _is_found_by_node(page, mm, address)
    anon_vma = page_anon_vma(page)
    for n in range(NR_AVCS):
        avc = anon_vma_chains[n]
        if avc.used and avc.anon_vma is anon_vma and avc.vma.vm_mm is mm:
            vma = avc.vma
            if vma.vm_start <= address < vma.vm_end:
                if linear_page_index(vma, address) == page_to_pgoff(page):
                    return True
    return False


@at_rest
def the_reverse_map_finds_every_mapping() -> bool:
    """The anon_vma of a mapped page has the VMA that maps it, and the page's index says where; of a
    page that KSM has merged, the addresses that ksmd has noted do, or will when it comes again.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    page = page_at(mm, k, i)
                    address = USER_BASE + (k * PTRS_PER_PTE + i) * PAGE_SIZE
                    if page and not _is_found(page, mm, address):
                        return False
    return True


@at_rest
def refcount_equals_the_references() -> bool:
    """With no pin left, a page's references are its mappings, and the swap cache's; and of one that
    has broken, memory_failure()'s.
    """
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if page.buddy or page.compound_head:
            continue
        nr = 1
        count: i32 = 0
        if _is_huge_zero(page):
            count = 1
        elif _is_huge(page):
            nr = HPAGE_PMD_NR
            count = _pmds_of(n)
        for i in range(nr):
            count += _ptes_of(n + i)
        if page.flags & PG_swapcache:
            count += nr
        if page._refcount != count and not (_is_broken(page) and page._refcount == count + 1):
            return False
    return True


def _is_broken(page: Page) -> bool:
    """Whether memory_failure() has been told so."""
    return MEMORY_FAILURE != 0 and page.flags & PG_hwpoison != 0


def _is_swapped(pte: u64) -> bool:
    """Whether a PTE is an entry for a slot of the swap file."""
    return is_swap_pte(pte) and not non_swap_entry(pte_to_swp_entry(pte))


def _pages_held(mm: Mm, swapped: bool) -> i32:
    """What the page tables of an address space hold, in pages, migration entries among them; or how
    many swap entries.
    """
    found: i32 = 0
    for k in range(PTRS_PER_PMD):
        pmd = mm.pgd.pmd[k].val
        if pmd_none(pmd):
            continue
        if is_swap_pmd(pmd) or pmd_trans_huge(pmd):
            if not swapped and (is_swap_pmd(pmd) or not _is_huge_zero(mem_map[pmd_pfn(pmd)])):
                found += HPAGE_PMD_NR
        else:
            table = pmd_table(pmd)
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte_none(pte) or (pte_present(pte) and pte_special(pte)) or is_poison(pte):
                    continue
                if _is_swapped(pte) == swapped:
                    found += 1
    return found


@at_rest
def rss_equals_what_page_tables_hold() -> bool:
    """Each address space counts the pages and the swap entries in its page tables, but no zero
    pages, and no poison entries.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.rss[MM_ANONPAGES] != _pages_held(mm, False):
            return False
        if mm.rss[MM_SWAPENTS] != _pages_held(mm, True):
            return False
    return True


@at_rest
def no_migration_entry_remains() -> bool:
    """Every migration entry has been replaced: nothing but pages, swap entries and what says that a
    page is lost remains.
    """
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            if is_swap_pmd(mms[m].pgd.pmd[k].val):
                return False
    for t in range(NR_TABLES):
        if page_tables[t].live:
            for i in range(PTRS_PER_PTE):
                pte = page_tables[t].pte[i].val
                if is_swap_pte(pte) and not _is_swapped(pte) and not is_poison(pte):
                    return False
    return True


def _entries_of(slot: u32) -> u8:
    """How many PTEs of attached tables are entries for a slot."""
    found = 0
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and pmd_present(pmd) and not pmd_trans_huge(pmd):
                table = pmd_table(pmd)
                for i in range(PTRS_PER_PTE):
                    pte = table.pte[i].val
                    if _is_swapped(pte) and swp_offset(pte_to_swp_entry(pte)) == slot:
                        found += 1
    return found


@at_rest
def swap_counts_equal_the_entries() -> bool:
    """Each slot counts the entries that name it, and says whether the swap cache holds it."""
    for slot in range(1, NR_SWAP_SLOTS):
        cached = SWAP_HAS_CACHE if swap_info.page[slot] else 0
        if swap_info.swap_map[slot] != _entries_of(slot) + cached:
            return False
    return True


def _is_in_swap_cache(head: Page) -> bool:
    return head.flags & (PG_swapbacked | PG_swapcache) == PG_swapbacked | PG_swapcache


@at_rest
def the_swap_cache_knows_its_pages() -> bool:
    """A page that holds a slot says so by its flag, and knows the slot; no other page does."""
    cached = 0
    for slot in range(1, NR_SWAP_SLOTS):
        page = swap_info.page[slot]
        if page:
            cached += 1
            head = page
            if page.compound_head:
                head = mem_map[page.compound_head - 1]
            if page.buddy or page.private != slot or not _is_in_swap_cache(head):
                return False
    for n in range(NR_FRAMES):
        page = mem_map[n]
        if not page.buddy and _is_in_swap_cache(page):
            cached -= HPAGE_PMD_NR if _is_huge(page) else 1
    return cached == 0


@at_rest
def every_huge_PMD_has_a_deposited_table() -> bool:
    """As many tables wait in an address space as it has huge PMDs; all tables are counted."""
    for m in range(NR_MMS):
        huge = 0
        attached = 0
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd):
                if is_swap_pmd(pmd) or pmd_trans_huge(pmd):
                    huge += 1
                else:
                    attached += 1
        deposited = 0
        table = mms[m].pgd.pmd_huge_pte
        while table:
            deposited += 1
            table = table.next
        if deposited != huge or mms[m].nr_ptes != attached + deposited:
            return False
    return True


def _data_at(mm: Mm, k: u8, i: u8) -> u8:
    """What a load would find in a user page; what is not mapped reads as zero."""
    pmd = mm.pgd.pmd[k].val
    if pmd_none(pmd) or not pmd_present(pmd):
        return 0
    if pmd_trans_huge(pmd):
        return mem_map[pmd_pfn(pmd) + i].data
    pte = pmd_table(pmd).pte[i].val
    if _is_swapped(pte):
        return data_in_slot(swp_offset(pte_to_swp_entry(pte)))
    if not pte_present(pte):
        return 0
    return mem_map[pte_pfn(pte)].data


@at_rest
def memory_holds_what_was_stored() -> bool:
    """Every user page holds the last store to it; what was never stored to, or dropped, is zero.

    Unless it is known to be lost: a poison entry is there.
    """
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mm_users:
            for k in range(PTRS_PER_PMD):
                for i in range(PTRS_PER_PTE):
                    if _data_at(mm, k, i) != mm.last_store[k * PTRS_PER_PTE + i]:
                        if not is_poison(entry_at(mm, k, i)):
                            return False
    return True


@at_rest
def no_lock_is_left_taken() -> bool:
    """No page is locked, no semaphore or spinlock taken."""
    for n in range(NR_FRAMES):
        if mem_map[n].flags & PG_locked:
            return False
    for m in range(NR_MMS):
        mm = mms[m]
        if mm.mmap_sem.readers or mm.mmap_sem.writer:
            return False
        if mm.page_table_lock.locked or mm.pgd.ptl.locked:
            return False
    for t in range(NR_TABLES):
        if page_tables[t].ptl.locked:
            return False
    for a in range(NR_ANON_VMAS):
        if anon_vmas[a].rwsem.readers or anon_vmas[a].rwsem.writer:
            return False
    return not (
        pgdat.lru_lock.locked
        or pgdat.split_queue_lock.locked
        or swap_info.tree_lock.locked
        or rcu.count
    )


def _is_left_to_reclaim(n: u32) -> bool:
    """Whether a page is one of the swap cache that no entry names, and reclaim can find."""
    page = mem_map[n]
    if page.compound_head:
        page = mem_map[page.compound_head - 1]
    return _is_in_swap_cache(page) and page.flags & PG_lru != 0


def _is_left_to_ksmd(anon_vma: AnonVma) -> bool:
    """Whether ksmd has yet to forget an address that keeps an anon_vma, or what has it as root."""
    for n in range(NR_RMAP_ITEMS):
        kept = ksm.rmap_items[n].anon_vma
        if kept and (kept is anon_vma or kept.root is anon_vma):
            return True
    return False


@after_exit
def no_page_is_leaked() -> bool:
    """When every process has exited, all frames, slots, tables, VMAs and anon_vmas are free again.

    The huge zero page stays, and so do pages that have broken. A page of the swap cache that
    somebody had locked just then is found by reclaim later, and anon_vmas are kept until ksmd
    forgets the addresses it has noted.
    """
    for n in range(NR_FRAMES):
        if _is_broken(mem_map[n]):
            continue
        if not mem_map[n].buddy and not _is_huge_zero(mem_map[n]) and not _is_left_to_reclaim(n):
            return False
    for slot in range(1, NR_SWAP_SLOTS):
        if swap_info.swap_map[slot] and not swap_info.page[slot]:
            return False
    for t in range(NR_TABLES):
        if page_tables[t].live:
            return False
    for a in range(NR_ANON_VMAS):
        if anon_vmas[a].used and not _is_left_to_ksmd(anon_vmas[a]):
            return False
    for v in range(NR_VMAS):
        if vmas[v].used:
            return False
    return True


@after_exit
def statistics_return_to_zero() -> bool:
    """Then nothing is counted as mapped, huge, isolated or waiting to be split."""
    if pgdat.stat[NR_ANON_MAPPED] or pgdat.stat[NR_ANON_THPS] or pgdat.split_queue_len:
        return False
    return pgdat.stat[NR_ISOLATED_ANON] == 0


@after_exit
def nobody_is_left_with_the_huge_zero_page() -> bool:
    """Then the shrinker's reference is the only one to the huge zero page, and can free it."""
    return huge_zero.refcount == (1 if huge_zero.page else 0)
