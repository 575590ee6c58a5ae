"""What every entry of a page table or a TLB may say, in every state."""

from __future__ import annotations

from mmspec.lang import index_of, u8, u16, u32, u64
from mmspec.properties.mapped import is_poison
from mmspec.properties.property import always
from mmspec.spec.machine.pgtable import (
    _PAGE_PRESENT,
    is_migration_entry,
    is_swap_pmd,
    is_swap_pte,
    is_write_migration_entry,
    pmd_bad,
    pmd_none,
    pmd_pfn,
    pmd_present,
    pmd_trans_huge,
    pmd_write,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
    pte_write,
    swp_offset,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_NR,
    MEMORY_FAILURE,
    NR_BROKEN,
    NR_FRAMES,
    NR_GUESTS,
    NR_MMS,
    NR_STABLE_NODES,
    NR_TABLES,
    NR_TASKS,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_PAGES,
    ZERO_PFN,
)
from mmspec.spec.page.mm_types import (
    broken_frames,
    cpus,
    huge_zero,
    kvms,
    mem_map,
    mms,
    page_tables,
    tasks,
)
from mmspec.spec.page.page_flags import (
    PAGE_MAPPING_FLAGS,
    PAGE_MAPPING_KSM,
    PG_hwpoison,
    PG_locked,
)
from mmspec.spec.page.pgtable import pmd_table


def is_free(frame: u32) -> bool:
    """Whether a frame is in the allocator's hands. A number that is no frame's is not in use."""
    if frame >= NR_FRAMES:
        return frame != ZERO_PFN
    page = mem_map[frame]
    return page.buddy != 0


def _some_are_free(frame: u32, nr: u16) -> bool:
    for i in range(nr):
        if is_free(frame + i):
            return True
    return False


def _is_locked(frame: u32) -> bool:
    """Whether the page, or the huge page it is part of, is locked."""
    if is_free(frame):
        return False
    page = mem_map[frame]
    if page.compound_head:
        page = mem_map[page.compound_head - 1]
    return page.flags & PG_locked != 0


def _entry_is_good(val: u64) -> bool:
    entry = pte_to_swp_entry(val)
    return not is_migration_entry(entry) or _is_locked(swp_offset(entry))


@always
def migration_entries_name_locked_pages() -> bool:
    """A migration entry, in a PTE or a PMD, names a page that is allocated and locked."""
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if is_swap_pmd(pmd) and not _entry_is_good(pmd):
                return False
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if is_swap_pte(pte) and not _entry_is_good(pte):
                    return False
    return True


@always
def no_page_is_freed_while_mapped() -> bool:
    """A present PTE or PMD maps no frame that is free."""
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and pmd_present(pmd) and pmd_trans_huge(pmd):
                if _some_are_free(pmd_pfn(pmd), HPAGE_PMD_NR):
                    return False
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte_present(pte) and is_free(pte_pfn(pte)):
                    return False
    return True


@always
def no_processor_reaches_a_freed_page_through_its_TLB() -> bool:
    """A translation that a processor has cached leads to no frame that is free."""
    for c in range(NR_TASKS):
        for k in range(PTRS_PER_PMD):
            huge = cpus[c].huge[k]
            if huge and _some_are_free(pmd_pfn(huge), HPAGE_PMD_NR):
                return False
        for i in range(USER_PAGES):
            small = cpus[c].small[i]
            if small and is_free(pte_pfn(small)):
                return False
    return True


@always
def no_guest_reaches_a_freed_page() -> bool:
    """A translation that a guest has leads to no frame that is free."""
    for g in range(NR_GUESTS):
        for k in range(USER_PAGES):
            entry = kvms[g].spte[k]
            if entry and is_free(pte_pfn(entry)):
                return False
    return True


@always
def zero_pages_are_zero() -> bool:
    """Nothing is ever stored in the zero page, or in the huge zero page."""
    if mem_map[ZERO_PFN].data:
        return False
    if huge_zero.page:
        for i in range(HPAGE_PMD_NR):
            if (huge_zero.page + i).data:
                return False
    return True


def _some_have_moved(frame: u32, nr: u16) -> bool:
    for i in range(nr):
        if frame + i < NR_FRAMES and mem_map[frame + i].moved:
            return True
    return False


@always
def no_processor_reaches_a_page_that_has_moved() -> bool:
    """From the moment that a page is copied to its new place, no page table maps the old one for a
    processor, and neither a TLB nor a guest has it.
    """
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if pmd & _PAGE_PRESENT and pmd_trans_huge(pmd):
                if _some_have_moved(pmd_pfn(pmd), HPAGE_PMD_NR):
                    return False
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte & _PAGE_PRESENT and _some_have_moved(pte_pfn(pte), 1):
                    return False
    for c in range(NR_TASKS):
        for k in range(PTRS_PER_PMD):
            huge = cpus[c].huge[k]
            if huge and _some_have_moved(pmd_pfn(huge), HPAGE_PMD_NR):
                return False
        for i in range(USER_PAGES):
            small = cpus[c].small[i]
            if small and _some_have_moved(pte_pfn(small), 1):
                return False
    for g in range(NR_GUESTS):
        for k in range(USER_PAGES):
            entry = kvms[g].spte[k]
            if entry and _some_have_moved(pte_pfn(entry), 1):
                return False
    return True


def _is_reached(frame: u32) -> bool:
    """Whether a present entry, a TLB or a guest leads to a frame."""
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if not pmd_none(pmd) and pmd_present(pmd) and pmd_trans_huge(pmd):
                if pmd_pfn(pmd) <= frame < pmd_pfn(pmd) + HPAGE_PMD_NR:
                    return True
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte_present(pte) and pte_pfn(pte) == frame:
                    return True
    for c in range(NR_TASKS):
        for k in range(PTRS_PER_PMD):
            huge = cpus[c].huge[k]
            if huge and pmd_pfn(huge) <= frame < pmd_pfn(huge) + HPAGE_PMD_NR:
                return True
        for i in range(USER_PAGES):
            small = cpus[c].small[i]
            if small and pte_pfn(small) == frame:
                return True
    for g in range(NR_GUESTS):
        for k in range(USER_PAGES):
            entry = kvms[g].spte[k]
            if entry and pte_pfn(entry) == frame:
                return True
    return False


@always
def nobody_reaches_a_page_that_was_given_up() -> bool:
    """Once memory_failure() has said that it was successful, the frame is not used again: it is not
    given to anybody, no page table maps it, and neither a TLB nor a guest has it.
    """
    for frame in range(NR_BROKEN):
        if broken_frames[frame].given_up:
            if not mem_map[frame].flags & PG_hwpoison or _is_reached(frame):
                return False
    return True


@always
def poison_entries_name_broken_frames() -> bool:
    """What is said to be lost is: the frame that a poison entry names has failed."""
    if not MEMORY_FAILURE:
        return True
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if is_poison(pte):
                    if not mem_map[swp_offset(pte_to_swp_entry(pte))].flags & PG_hwpoison:
                        return False
    return True


def _frame_of(val: u64) -> u32:
    """The frame that an entry maps, or that a migration entry names; NR_FRAMES for any other."""
    if pte_present(val):
        return pte_pfn(val)
    if is_swap_pte(val) and is_migration_entry(pte_to_swp_entry(val)):
        return swp_offset(pte_to_swp_entry(val))
    return NR_FRAMES


def _may_write(val: u64) -> bool:
    """Whether an entry lets its process write, now or after migration."""
    if pte_present(val):
        return pte_write(val)
    return is_swap_pte(val) and is_write_migration_entry(pte_to_swp_entry(val))


def _others_map(frame: u32, nr: u16, mine: u8) -> bool:
    """Whether another address space has an entry for one of `nr` frames."""
    for m in range(NR_MMS):
        if m != mine:
            for k in range(PTRS_PER_PMD):
                pmd = mms[m].pgd.pmd[k].val
                if is_swap_pmd(pmd) or pmd_trans_huge(pmd):
                    base = swp_offset(pte_to_swp_entry(pmd)) if is_swap_pmd(pmd) else pmd_pfn(pmd)
                    if base < frame + nr and frame < base + HPAGE_PMD_NR:
                        return True
                elif not pmd_bad(pmd):
                    table = pmd_table(pmd)
                    for i in range(PTRS_PER_PTE):
                        named = _frame_of(table.pte[i].val)
                        if frame <= named < frame + nr:
                            return True
    return False


@always
def no_page_that_others_map_is_writable() -> bool:
    """What two address spaces map neither may write to, nor will be able to when a migration has
    ended: by its page tables, or by a TLB (unless a fork that is under way has yet to flush it).
    """
    for m in range(NR_MMS):
        for k in range(PTRS_PER_PMD):
            pmd = mms[m].pgd.pmd[k].val
            if is_swap_pmd(pmd):
                entry = pte_to_swp_entry(pmd)
                if is_write_migration_entry(entry):
                    if _others_map(swp_offset(entry), HPAGE_PMD_NR, m):
                        return False
            elif pmd_trans_huge(pmd):
                if pmd_write(pmd) and _others_map(pmd_pfn(pmd), HPAGE_PMD_NR, m):
                    return False
            elif not pmd_bad(pmd):
                table = pmd_table(pmd)
                for i in range(PTRS_PER_PTE):
                    pte = table.pte[i].val
                    if _may_write(pte) and _others_map(_frame_of(pte), 1, m):
                        return False
    for c in range(NR_TASKS):
        mm = tasks[c].mm
        if mm and not mm.mmap_sem.writer:
            mine = index_of(mm)
            for k in range(PTRS_PER_PMD):
                huge = cpus[c].huge[k]
                if pmd_write(huge) and _others_map(pmd_pfn(huge), HPAGE_PMD_NR, mine):
                    return False
            for i in range(USER_PAGES):
                small = cpus[c].small[i]
                if pte_write(small) and _others_map(pte_pfn(small), 1, mine):
                    return False
    return True


def _is_merged(frame: u32) -> bool:
    """Whether KSM has merged a base page with others."""
    if is_free(frame):
        return False
    page = mem_map[frame]
    if page.compound_head:
        return False
    return page.mapping & PAGE_MAPPING_FLAGS == PAGE_MAPPING_KSM


@always
def no_merged_page_is_writable() -> bool:
    """What KSM has merged nobody may write to: by a page table, by a guest, or by a TLB (unless a
    fork that is under way has yet to flush it).
    """
    if not NR_STABLE_NODES:
        return True
    for t in range(NR_TABLES):
        table = page_tables[t]
        if table.live:
            for i in range(PTRS_PER_PTE):
                pte = table.pte[i].val
                if pte_present(pte) and pte_write(pte) and _is_merged(pte_pfn(pte)):
                    return False
    for c in range(NR_TASKS):
        mm = tasks[c].mm
        if mm and not mm.mmap_sem.writer:
            for i in range(USER_PAGES):
                small = cpus[c].small[i]
                if pte_write(small) and _is_merged(pte_pfn(small)):
                    return False
    for g in range(NR_GUESTS):
        for k in range(USER_PAGES):
            entry = kvms[g].spte[k]
            if pte_write(entry) and _is_merged(pte_pfn(entry)):
                return False
    return True
