"""What a process asks of a userfaultfd: to register memory (fs/userfaultfd.c), to fill it in, and
to protect it from stores (mm/userfaultfd.c).
"""

from __future__ import annotations

from mmspec.kernels.changes import UFFD_FILL_WANTS_A_TABLE
from mmspec.lang import BUG_ON, atomic, has, restates, u8, u32, unlocked
from mmspec.spec.machine.locks import (
    down_read,
    down_write,
    spin_lock,
    spin_unlock,
    up_read,
    up_write,
)
from mmspec.spec.machine.pgtable import (
    pmd_bad,
    pmd_none,
    pmd_present,
    pmd_trans_huge,
    pte_mkdirty,
    pte_none,
)
from mmspec.spec.machine.sizes import USER_PAGES
from mmspec.spec.page.memory import pte_alloc
from mmspec.spec.page.mm import MM_CP_UFFD_WP, MM_CP_UFFD_WP_RESOLVE, add_mm_counter
from mmspec.spec.page.mm_types import (
    EEXIST,
    EFAULT,
    ENOENT,
    ENOMEM,
    MM_ANONPAGES,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
    VM_WRITE,
    Mm,
    Page,
    Pmd,
    Pte,
    Vma,
    userfaultfds,
)
from mmspec.spec.page.mmap import find_vma, vm_get_page_prot
from mmspec.spec.page.mprotect import change_protection
from mmspec.spec.page.page_alloc import SetPageUptodate, alloc_pages_vma, clear_highpage
from mmspec.spec.page.pgtable import (
    maybe_mkwrite,
    mk_pte,
    pmd_offset,
    pmd_table,
    pte_in,
    user_page,
)
from mmspec.spec.page.rmap import anon_vma_prepare, page_add_new_anon_rmap
from mmspec.spec.page.swap import lru_cache_add_active_or_unevictable, put_page
from mmspec.spec.page.userfault import userfaultfd_wp, wake_userfault


@restates("fs/userfaultfd.c", at="v5.7")
def userfaultfd_register(mm: Mm, start: u32, mode: u32) -> None:
    """UFFDIO_REGISTER of a whole VMA."""
    down_write(mm.mmap_sem)
    vma = find_vma(mm, start)
    vma.vm_flags |= mode
    up_write(mm.mmap_sem)


@restates("fs/userfaultfd.c", at="v5.7")
def userfaultfd_unregister(mm: Mm, start: u32, end: u32) -> None:
    """UFFDIO_UNREGISTER of a whole VMA; who waits is woken."""
    down_write(mm.mmap_sem)
    vma = find_vma(mm, start)
    wake_userfault(start, end)
    vma.vm_flags &= ~(VM_UFFD_MISSING | VM_UFFD_WP)
    up_write(mm.mmap_sem)


@unlocked
def _copy_from_user(page: Page, value: u8) -> None:
    """Fill a page that nobody else has yet."""
    page.data = value


@atomic
def _set_filled(mm: Mm, address: u32, pte: Pte, entry: int, value: u8) -> None:
    """set_pte_at(); from now on loads return what was filled in (checking)."""
    pte.val = entry
    mm.last_store[user_page(address)] = value


@restates("mm/userfaultfd.c", at="v4.14")
def mcopy_atomic_pte(vma: Vma, pmd: Pmd, address: u32, value: u8) -> int:
    """A new page with given contents, if nothing is there. Requires: mmap_sem, a page table."""
    page = alloc_pages_vma(vma, 0)
    if not page:
        return -ENOMEM
    clear_highpage(page)
    _copy_from_user(page, value)
    SetPageUptodate(page)
    entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vma.vm_page_prot)), vma)
    pmdval = pmd.val
    table = pmd_table(pmdval)
    spin_lock(table.ptl)
    pte = pte_in(table, address)
    pteval = pte.val
    if not pte_none(pteval):
        spin_unlock(table.ptl)
        put_page(page)
        return -EEXIST
    add_mm_counter(vma.vm_mm, MM_ANONPAGES, 1)
    page_add_new_anon_rmap(page, vma, address, False)
    lru_cache_add_active_or_unevictable(page, vma)
    _set_filled(vma.vm_mm, address, pte, entry, value)
    spin_unlock(table.ptl)
    return 0


@restates("mm/userfaultfd.c", at="v4.14")
def mcopy_atomic(mm: Mm, address: u32, value: u8) -> int:
    """UFFDIO_COPY of one page. Omits: the second try, if the source cannot be read at once."""
    down_read(mm.mmap_sem)
    vma = find_vma(mm, address)
    if not vma or anon_vma_prepare(vma):
        up_read(mm.mmap_sem)
        return -ENOENT
    pmd = pmd_offset(mm, address)
    dst_pmdval = pmd.val
    if not has(UFFD_FILL_WANTS_A_TABLE) and pmd_trans_huge(dst_pmdval):
        up_read(mm.mmap_sem)
        return -EEXIST
    if pmd_none(dst_pmdval) and pte_alloc(mm, pmd):
        up_read(mm.mmap_sem)
        return -ENOMEM
    if has(UFFD_FILL_WANTS_A_TABLE):
        dst_pmdval = pmd.val
        # also where it was huge, and has become none again, after pte_alloc() had nothing to do
        if not pmd_present(dst_pmdval) or pmd_trans_huge(dst_pmdval):
            up_read(mm.mmap_sem)
            return -EEXIST
        if pmd_bad(dst_pmdval):
            up_read(mm.mmap_sem)
            return -EFAULT
    else:
        again = pmd.val
        if pmd_trans_huge(again):
            up_read(mm.mmap_sem)
            return -EFAULT
        again = pmd.val
        BUG_ON(pmd_none(again))
        again = pmd.val
        BUG_ON(pmd_trans_huge(again))
    err = mcopy_atomic_pte(vma, pmd, address, value)
    up_read(mm.mmap_sem)
    return err


# --------------------------------------------------------------------------- write protection


@atomic
def _note_protected(start: u32, end: u32, protected: u8) -> None:
    """From now on stores to the range are to be reported, or need not be (checking)."""
    for k in range(USER_PAGES):
        if user_page(start) <= k < user_page(end):
            userfaultfds[0].protected[k] = protected


@restates("mm/userfaultfd.c", at="v5.7")
def mwriteprotect_range(mm: Mm, start: u32, length: u32, enable_wp: bool) -> int:
    """UFFDIO_WRITEPROTECT: report stores to a range, or do so no more, of one VMA."""
    end = start + length
    down_read(mm.mmap_sem)
    vma = find_vma(mm, start)
    if not vma or not userfaultfd_wp(vma):
        up_read(mm.mmap_sem)
        return -ENOENT
    if enable_wp:
        newprot = vm_get_page_prot(vma.vm_flags & ~VM_WRITE)
        change_protection(vma, start, end, newprot, MM_CP_UFFD_WP)
        _note_protected(start, end, 1)
    else:
        _note_protected(start, end, 0)
        newprot = vm_get_page_prot(vma.vm_flags)
        change_protection(vma, start, end, newprot, MM_CP_UFFD_WP_RESOLVE)
    up_read(mm.mmap_sem)
    return 0
