"""Advice about memory (mm/madvise.c): MADV_FREE."""

from __future__ import annotations

from mmspec.lang import restates, u32
from mmspec.spec.machine.pgtable import pmd_trans_huge
from mmspec.spec.page.huge_memory import madvise_free_huge_pmd
from mmspec.spec.page.mm_types import Pmd, Vma
from mmspec.spec.page.pgtable import pmd_none_or_trans_huge_or_clear_bad


@restates("mm/madvise.c", at="v4.14")
def madvise_free_pte_range(vma: Vma, pmd: Pmd, address: u32) -> None:
    """Mark what one PMD maps as not needed. Omits: pages that PTEs map."""
    pmdval = pmd.val
    if pmd_trans_huge(pmdval):
        if madvise_free_huge_pmd(vma, pmd, address):
            return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        return
