"""Which pages of a range are in memory: mincore(2) (mm/mincore.c)."""

from __future__ import annotations

from mmspec.lang import Array, OnStack, array, restates, u8, u16, u32, u64
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import (
    non_swap_entry,
    pmd_none,
    pte_none,
    pte_present,
    pte_to_swp_entry,
    swp_offset,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_SIZE,
    PAGE_SHIFT,
    PAGE_SIZE,
    USER_PAGES,
)
from mmspec.spec.page.filemap import find_get_page
from mmspec.spec.page.mm_types import ENOMEM, Mm, Pmd
from mmspec.spec.page.mmap import find_vma
from mmspec.spec.page.page_flags import PageUptodate
from mmspec.spec.page.pgtable import (
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_table,
    pmd_trans_huge_lock,
    pte_in,
)
from mmspec.spec.page.swap import put_page


class Mincore(OnStack):
    """Where mincore(2) leaves its bytes: 1 for each page in memory."""

    nr: u16 = 0
    vec: Array[u8] = array(USER_PAGES)


@restates("mm/mincore.c", at="v4.14")
def mincore_range(mincore: Mincore, start: u32, end: u32, value: u8) -> None:
    """The same byte for a range: __mincore_unmapped_range(), and memset() of a huge page."""
    for _k in range((end - start) >> PAGE_SHIFT):
        mincore.vec[mincore.nr] = value
        mincore.nr += 1


@restates("mm/mincore.c", at="v4.14")
def mincore_page(slot: u32) -> bool:
    """Whether the swap cache has the page of a slot."""
    page = find_get_page(slot)
    if not page:
        return False
    uptodate = PageUptodate(page)
    put_page(page)
    return uptodate


def _is_in_memory(pte: u64) -> bool:
    """Mapped, on its way, or in the swap cache."""
    if pte_none(pte):
        return False
    if pte_present(pte) or non_swap_entry(pte_to_swp_entry(pte)):
        return True
    return mincore_page(swp_offset(pte_to_swp_entry(pte)))


@restates("mm/mincore.c", at="v4.14")
def mincore_pte_range(mincore: Mincore, pmd: Pmd, start: u32, end: u32) -> None:
    """Tell of what one PMD maps: of a huge page, also of one that is being moved, all is there."""
    ptl = pmd_trans_huge_lock(pmd)
    if ptl:
        mincore_range(mincore, start, end, 1)
        spin_unlock(ptl)
        return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        mincore_range(mincore, start, end, 0)
        return
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    address = start
    while address != end:
        pteval = pte_in(table, address).val
        there = _is_in_memory(pteval)
        mincore_range(mincore, address, address + PAGE_SIZE, there)
        address += PAGE_SIZE
    spin_unlock(table.ptl)


@restates("mm/mincore.c", at="v4.14")
def do_mincore(mm: Mm, start: u32, nr: u16, mincore: Mincore) -> int:
    """Tell of `nr` pages; -ENOMEM if some are not mapped at all."""
    address = start
    end: u32 = start + nr * PAGE_SIZE
    down_read(mm.mmap_sem)
    while address < end:
        vma = find_vma(mm, address)
        if not vma or address < vma.vm_start:
            up_read(mm.mmap_sem)
            return -ENOMEM
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, min(end, vma.vm_end))
        pmd = pmd_offset(mm, address)
        pmdval = pmd.val
        if pmd_none(pmdval):
            mincore_range(mincore, address, following, 0)
        else:
            mincore_pte_range(mincore, pmd, address, following)
        address = following
    up_read(mm.mmap_sem)
    return 0
