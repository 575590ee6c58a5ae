"""What is mapped at a user page: number `i` of those that PMD `k` covers."""

from __future__ import annotations

from mmspec.lang import NULL, u8, u64
from mmspec.spec.machine.pgtable import (
    is_hwpoison_entry,
    is_swap_pte,
    pmd_none,
    pmd_pfn,
    pmd_present,
    pmd_trans_huge,
    pte_pfn,
    pte_present,
    pte_to_swp_entry,
)
from mmspec.spec.machine.sizes import MEMORY_FAILURE
from mmspec.spec.page.mm_types import Mm, Page, mem_map
from mmspec.spec.page.pgtable import pmd_table


def entry_at(mm: Mm, k: u8, i: u8) -> u64:
    """The PTE of a user page, or the huge PMD it is part of; 0 if nothing is mapped."""
    pmd = mm.pgd.pmd[k].val
    if pmd_none(pmd) or not pmd_present(pmd) or pmd_trans_huge(pmd):
        return pmd
    return pmd_table(pmd).pte[i].val


def page_at(mm: Mm, k: u8, i: u8) -> Page:
    """The page that is mapped at a user page; NULL if there is none."""
    entry = entry_at(mm, k, i)
    page: Page = NULL
    if pte_present(entry):
        page = mem_map[pte_pfn(entry)]
        if pmd_trans_huge(mm.pgd.pmd[k].val):
            page = mem_map[pmd_pfn(entry) + i]
    return page


def is_poison(pte: u64) -> bool:
    """Whether a PTE says that what was here is lost."""
    return MEMORY_FAILURE != 0 and is_swap_pte(pte) and is_hwpoison_entry(pte_to_swp_entry(pte))
