"""Following a user address to its page (mm/gup.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    FORK_COPIES_PINNED_PAGES,
    FORK_STOPS_GUP_FAST,
    GUP_BREAKS_COW,
    GUP_KEEPS_FOLL_WRITE,
    PINS_COUNTED_APART,
    PMD_MIGRATION_IN_COMMON_PATHS,
    THP_FOLLOWED_AFTER_COW,
    TOUCH_DIRTIES_FOR_WRITE_ONLY,
)
from mmspec.kernels.drafts import FOLLOW_TAKES_ANY_PMD
from mmspec.lang import NULL, OnStack, atomic, has, i16, restates, u8, u32, u64
from mmspec.spec.machine.locks import down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import (
    _PAGE_PRESENT,
    _PAGE_RW,
    _PAGE_USER,
    is_migration_entry,
    is_pmd_migration_entry,
    is_swap_pte,
    pmd_bad,
    pmd_dirty,
    pmd_mkdirty,
    pmd_mkyoung,
    pmd_none,
    pmd_present,
    pmd_protnone,
    pmd_trans_huge,
    pmd_write,
    pte_dirty,
    pte_pfn,
    pte_present,
    pte_protnone,
    pte_special,
    pte_to_swp_entry,
    pte_write,
)
from mmspec.spec.machine.sizes import HPAGE_PMD_MASK, NR_STABLE_NODES, PAGE_SHIFT, PAGE_SIZE
from mmspec.spec.page.filemap import lock_page, set_page_dirty_lock, trylock_page, unlock_page
from mmspec.spec.page.huge_memory import (
    FAULT_FLAG_WRITE,
    VM_FAULT_ERROR,
    VM_FAULT_OOM,
    VM_FAULT_WRITE,
    pmdp_set_access_flags,
    split_huge_page,
    split_huge_pmd,
)
from mmspec.spec.page.huge_zero_page import is_huge_zero_page
from mmspec.spec.page.memory import handle_mm_fault
from mmspec.spec.page.mlock import mlock_vma_page
from mmspec.spec.page.mm import (
    GUP_PIN_COUNTING_BIAS,
    compound_mapcount,
    get_page,
    page_ref_sub_and_test,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import (
    EBUSY,
    EFAULT,
    ENOMEM,
    MMF_HAS_PINNED,
    VM_LOCKED,
    VM_READ,
    VM_WRITE,
    Mm,
    Page,
    Pmd,
    Pte,
    Vma,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageCompound,
    PageDoubleMap,
    PageHead,
    PageTransCompound,
    PG_referenced,
    compound_head,
    set_page_dirty,
    set_page_flags,
)
from mmspec.spec.page.pgtable import (
    load_from_pinned,
    local_irq_disable,
    local_irq_enable,
    note_pin,
    pmd_lock,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_page,
    pmd_table,
    pte_in,
    store_to_pinned,
)
from mmspec.spec.page.swap import __put_page, mark_page_accessed, put_page

FOLL_WRITE, FOLL_TOUCH, FOLL_GET, FOLL_DUMP, FOLL_FORCE = 0x01, 0x02, 0x04, 0x08, 0x10
FOLL_SPLIT, FOLL_NUMA, FOLL_MLOCK, FOLL_COW = 0x80, 0x200, 0x1000, 0x4000
FOLL_MIGRATION = 0x400
#: For devices. Before pins were counted apart it was the same as FOLL_GET.
FOLL_PIN = 0x40000


class FollowedPage(OnStack):
    """Where follow_page() leaves the page; what it returns is 0 or the error of ERR_PTR().

    flags: of get_user_pages(), as they change while it tries.
    """

    page: Page = NULL
    flags: u32 = 0


# --------------------------------------------------------------------------------- references


def grabs(flags: u32) -> i16:
    """How many references the caller gets."""
    if has(PINS_COUNTED_APART) and flags & FOLL_PIN:
        return GUP_PIN_COUNTING_BIAS
    return 1


@atomic
def _grab(head: Page, refs: i16, mm: Mm, address: u32, page: Page) -> None:
    assert head._refcount > 0, "VM_BUG_ON_PAGE(page_ref_count(page) <= 0)"
    head._refcount += refs
    note_pin(mm, address, page)


@restates("mm/gup.c", at="v5.6")
def try_grab_page(vma: Vma, address: u32, page: Page, flags: u32) -> None:
    """One more reference, or pin, of a page that is mapped. Requires: the entry's lock."""
    if flags & FOLL_TOUCH:
        _grab(compound_head(page), grabs(flags), vma.vm_mm, address, page)
    else:
        get_page(page)


@restates("mm/gup.c", at="v5.6")
def unpin_user_page(page: Page, flags: u32) -> None:
    """Give such a reference back."""
    head = compound_head(page)
    if page_ref_sub_and_test(head, grabs(flags)):
        __put_page(head)


# ------------------------------------------------------------------------------------- following


def _split_followed(page: Page) -> int:
    """Split a huge page on which the caller has a reference, and drop that."""
    lock_page(page)
    ret = split_huge_page(page)
    unlock_page(page)
    put_page(page)
    return ret


@restates("mm/gup.c", at="v4.14")
def can_follow_write_pte(pte: u64, flags: u32) -> bool:
    """Whether a store may go where a PTE leads: it allows it, or copy-on-write has been done for a
    caller that may write to what the process itself may not.
    """
    forced = flags & FOLL_FORCE != 0 or has(GUP_BREAKS_COW)
    return pte_write(pte) or (forced and flags & FOLL_COW != 0 and pte_dirty(pte))


@restates("mm/huge_memory.c", at="v4.14")
def can_follow_write_pmd(pmd: u64, flags: u32) -> bool:
    """The same for a huge PMD."""
    if not has(THP_FOLLOWED_AFTER_COW):
        return pmd_write(pmd)
    forced = flags & FOLL_FORCE != 0 or has(GUP_BREAKS_COW)
    return pmd_write(pmd) or (forced and flags & FOLL_COW != 0 and pmd_dirty(pmd))


@restates("mm/gup.c", at="v4.14")
def follow_page_pte(vma: Vma, address: u32, pmd: Pmd, flags: u32, found: FollowedPage) -> int:
    """The page of a PTE. Omits: device memory."""
    while True:
        pmdval = pmd.val
        if pmd_bad(pmdval):
            return 0
        table = pmd_table(pmdval)
        pte = pte_in(table, address)
        spin_lock(table.ptl)
        pteval = pte.val
        if NR_STABLE_NODES and flags & FOLL_MIGRATION and is_swap_pte(pteval):
            if is_migration_entry(pte_to_swp_entry(pteval)):
                spin_unlock(table.ptl)
                migration_entry_wait(pmd, address)
                continue
        if not pte_present(pteval) or (flags & FOLL_NUMA and pte_protnone(pteval)):
            spin_unlock(table.ptl)
            return 0
        if flags & FOLL_WRITE and not can_follow_write_pte(pteval, flags):
            spin_unlock(table.ptl)
            return 0
        if flags & FOLL_DUMP and pte_special(pteval):
            spin_unlock(table.ptl)
            return -EFAULT
        page = pfn_to_page(pte_pfn(pteval))
        if not (flags & FOLL_SPLIT and PageTransCompound(page)):
            break
        get_page(page)
        spin_unlock(table.ptl)
        ret = _split_followed(page)
        if ret:
            return ret
    if flags & (FOLL_GET | FOLL_PIN):
        try_grab_page(vma, address, page, flags)
    if flags & FOLL_TOUCH:
        if flags & FOLL_WRITE and not pte_dirty(pteval):
            set_page_dirty(page)
        mark_page_accessed(page)
    # huge pages mapped by PTEs are never mlocked
    if flags & FOLL_MLOCK and vma.vm_flags & VM_LOCKED and not PageTransCompound(page):
        if page.mapping != 0 and trylock_page(page):
            mlock_vma_page(page)
            unlock_page(page)
    spin_unlock(table.ptl)
    found.page = page
    return 0


@restates("mm/huge_memory.c", at="v4.15")
def touch_pmd(pmd: Pmd, flags: u32) -> None:
    """Note in a huge PMD that the page is used, on behalf of the process. Requires: its lock."""
    pmdval = pmd.val
    write = flags & FOLL_WRITE != 0 or not has(TOUCH_DIRTIES_FOR_WRITE_ONLY)
    entry = pmd_mkyoung(pmdval)
    if write:
        entry = pmd_mkdirty(entry)
    pmdp_set_access_flags(pmd, entry, write)


@restates("mm/huge_memory.c", at="v4.14")
def follow_trans_huge_pmd(
    vma: Vma, address: u32, pmd: Pmd, flags: u32, found: FollowedPage
) -> None:
    """The subpage of a huge PMD. Requires: the PMD's lock."""
    pmdval = pmd.val
    if flags & FOLL_WRITE and not can_follow_write_pmd(pmdval, flags):
        return
    page = pmd_page(pmdval)
    if flags & FOLL_DUMP and is_huge_zero_page(page):
        return
    if flags & FOLL_NUMA and pmd_protnone(pmdval):
        return
    assert PageHead(page), "VM_BUG_ON_PAGE(!PageHead(page))"
    if flags & FOLL_TOUCH:
        touch_pmd(pmd, flags)
    if flags & FOLL_MLOCK and vma.vm_flags & VM_LOCKED:
        # nobody else may map it: others would have a page mlocked that they did not lock
        if PageAnon(page) and compound_mapcount(page) == 1 and not PageDoubleMap(page):
            if trylock_page(page):
                if not PageDoubleMap(page):
                    mlock_vma_page(page)
                unlock_page(page)
    page = page + ((address & ~HPAGE_PMD_MASK) >> PAGE_SHIFT)
    assert PageCompound(page), "VM_BUG_ON_PAGE(!PageCompound(page))"
    if flags & (FOLL_GET | FOLL_PIN):
        try_grab_page(vma, address, page, flags)
    found.page = page


@restates("mm/gup.c", at="v4.14")
def follow_page(vma: Vma, address: u32, flags: u32, found: FollowedPage) -> int:
    """The page at an address, or none: a migration entry is not waited for. With FOLL_SPLIT a base
    page. Restates follow_pmd_mask() as well. Requires: mmap_sem.
    """
    found.page = NULL
    pmd = pmd_offset(vma.vm_mm, address)
    pmdval = pmd.val
    if NR_STABLE_NODES and flags & FOLL_MIGRATION:
        while is_pmd_migration_entry(pmdval):
            pmd_migration_entry_wait(pmd)
            pmdval = pmd.val
    if pmd_none(pmdval) or not (pmd_present(pmdval) or has(FOLLOW_TAKES_ANY_PMD)):
        return 0
    if not pmd_trans_huge(pmdval):
        return follow_page_pte(vma, address, pmd, flags, found)
    # a hint has to be taken by a fault, which waits for who may be moving the page
    if flags & FOLL_NUMA and pmd_protnone(pmdval):
        return 0
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    if not pmd_present(pmdval) and not has(FOLLOW_TAKES_ANY_PMD):
        spin_unlock(ptl)
        return 0
    if not pmd_trans_huge(pmdval):
        spin_unlock(ptl)
        return follow_page_pte(vma, address, pmd, flags, found)
    if flags & FOLL_SPLIT:
        page = pmd_page(pmdval)
        if is_huge_zero_page(page):
            spin_unlock(ptl)
            split_huge_pmd(vma, pmd, address)
            if pmd_none_or_trans_huge_or_clear_bad(pmd):
                return -EBUSY
            return follow_page_pte(vma, address, pmd, flags, found)
        get_page(page)
        spin_unlock(ptl)
        ret = _split_followed(page)
        pmdval = pmd.val
        if pmd_none(pmdval):
            return 0
        if ret:
            return ret
        return follow_page_pte(vma, address, pmd, flags, found)
    follow_trans_huge_pmd(vma, address, pmd, flags, found)
    spin_unlock(ptl)
    return 0


@restates("mm/gup.c", at="v4.14")
def populate_vma_page_range(vma: Vma, start: u32, end: u32) -> int:
    """Fault a VM_LOCKED mapping in, and mark its pages. Requires: mmap_sem."""
    gup_flags = FOLL_MLOCK
    fault_flags: u8 = 0
    # stores are made possible at once, so that they do not break COW later
    if vma.vm_flags & VM_WRITE:
        gup_flags |= FOLL_WRITE
        fault_flags = FAULT_FLAG_WRITE
    found = FollowedPage()
    address = start
    while address < end:
        follow_page(vma, address, gup_flags, found)
        if found.page:
            address += PAGE_SIZE
        elif handle_mm_fault(vma, address, fault_flags) & VM_FAULT_ERROR:
            return -ENOMEM
    return 0


@restates("mm/gup.c", at="v4.14")
def __mm_populate(mm: Mm, start: u32, length: u32) -> int:
    """Fault in what is locked in a range."""
    end = start + length
    ret = 0
    down_read(mm.mmap_sem)
    vma = find_vma(mm, start)
    while vma and vma.vm_start < end and ret == 0:
        ret = populate_vma_page_range(vma, max(start, vma.vm_start), min(end, vma.vm_end))
        vma = vma.vm_next
    up_read(mm.mmap_sem)
    return ret


# -------------------------------------------------------------------------------- get_user_pages()


@restates("mm/gup.c", at="v4.14")
def faultin_page(vma: Vma, address: u32, found: FollowedPage) -> int:
    """Serve the fault that the caller's access would be. Omits: that it may have to be retried."""
    fault_flags = 0
    if found.flags & FOLL_WRITE:
        fault_flags = FAULT_FLAG_WRITE
    ret = handle_mm_fault(vma, address, fault_flags)
    if ret & VM_FAULT_OOM:
        return -ENOMEM
    if ret & VM_FAULT_ERROR:
        return -EFAULT
    # copy-on-write has been done, but the process may not write, and so the entry says
    if ret & VM_FAULT_WRITE and not vma.vm_flags & VM_WRITE:
        if has(GUP_KEEPS_FOLL_WRITE):
            found.flags |= FOLL_COW
        else:
            found.flags &= ~FOLL_WRITE
    return 0


@restates("mm/gup.c", at="v4.14")
def check_vma_flags(vma: Vma, gup_flags: u32) -> int:
    """Whether the caller may have it. Omits: what is neither anonymous nor private."""
    if gup_flags & FOLL_WRITE:
        if not vma.vm_flags & VM_WRITE and not gup_flags & FOLL_FORCE:
            return -EFAULT
    elif not vma.vm_flags & VM_READ and not gup_flags & FOLL_FORCE:
        return -EFAULT
    return 0


@restates("mm/gup.c", at="v5.8")
def should_force_cow_break(flags: u32) -> bool:
    """Whether even a reader gets a page of its own: a page that is shared may become another's."""
    return has(GUP_BREAKS_COW) and flags & (FOLL_GET | FOLL_PIN) != 0


@restates("mm/gup.c", at="v4.14")
def __get_user_pages(mm: Mm, start: u32, gup_flags: u32, found: FollowedPage) -> int:
    """The page at an address, faulted in if need be: 1, or an error. Requires: mmap_sem.

    Omits: more than one page.
    """
    vma = find_vma(mm, start)
    if not vma or start < vma.vm_start or check_vma_flags(vma, gup_flags):
        return -EFAULT
    found.flags = gup_flags
    # who forces his way does not tell where the process uses its memory
    if not gup_flags & FOLL_FORCE:
        found.flags |= FOLL_NUMA
    if should_force_cow_break(gup_flags):
        found.flags |= FOLL_WRITE
    while True:
        ret = follow_page(vma, start, found.flags, found)
        if found.page:
            return 1
        if ret:
            return ret
        ret = faultin_page(vma, start, found)
        if ret:
            return ret


@restates("mm/gup.c", at="v4.14")
def get_user_pages(mm: Mm, start: u32, gup_flags: u32, found: FollowedPage) -> int:
    """The same for a caller that holds on to the page. Requires: mmap_sem."""
    if has(FORK_COPIES_PINNED_PAGES) and gup_flags & FOLL_PIN:
        mm_set_has_pinned(mm)
    return __get_user_pages(mm, start, gup_flags | FOLL_TOUCH, found)


# ------------------------------------------------------------------------------ without locks


@atomic
def mm_set_has_pinned(mm: Mm) -> None:
    """A page of the address space has been pinned: fork has to look for such pages."""
    mm.flags |= MMF_HAS_PINNED


def access_permitted(entry: u64, write: bool) -> bool:
    """Whether user code may do it: pte_access_permitted() and pmd_access_permitted()."""
    need = _PAGE_PRESENT | _PAGE_USER
    if write:
        need |= _PAGE_RW
    return entry & need == need


@atomic
def _try_grab(head: Page, refs: i16) -> bool:
    if head._refcount == 0:
        return False
    head._refcount += refs
    return True


@atomic
def _pmd_is_still(pmd: Pmd, orig: u64, mm: Mm, address: u32, page: Page) -> bool:
    if pmd.val != orig:
        return False
    note_pin(mm, address, page)
    return True


@atomic
def _pte_is_still(pte: Pte, orig: u64, mm: Mm, address: u32, page: Page) -> bool:
    if pte.val != orig:
        return False
    note_pin(mm, address, page)
    return True


@restates("mm/gup.c", at="v4.14")
def gup_pte_range(pmd: u64, mm: Mm, address: u32, flags: u32, found: FollowedPage) -> None:
    """A reference to the page of a PTE, if that is still there afterwards."""
    ptep = pte_in(pmd_table(pmd), address)
    pte = ptep.val
    if not access_permitted(pte, flags & FOLL_WRITE != 0) or pte_special(pte):
        return
    page = pfn_to_page(pte_pfn(pte))
    head = compound_head(page)
    if not _try_grab(head, grabs(flags)):
        return
    if not _pte_is_still(ptep, pte, mm, address, page):
        unpin_user_page(head, flags)
        return
    set_page_flags(page, PG_referenced)
    found.page = page


@restates("mm/gup.c", at="v4.14")
def gup_huge_pmd(
    orig: u64, pmdp: Pmd, mm: Mm, address: u32, flags: u32, found: FollowedPage
) -> None:
    """The same for a huge PMD."""
    if not access_permitted(orig, flags & FOLL_WRITE != 0):
        return
    page = pmd_page(orig) + ((address & ~HPAGE_PMD_MASK) >> PAGE_SHIFT)
    head = compound_head(pmd_page(orig))
    if not _try_grab(head, grabs(flags)):
        return
    if not _pmd_is_still(pmdp, orig, mm, address, page):
        unpin_user_page(head, flags)
        return
    set_page_flags(head, PG_referenced)
    found.page = page


@restates("mm/gup.c", at="v4.14")
def gup_pmd_range(mm: Mm, address: u32, flags: u32, found: FollowedPage) -> None:
    """A reference to the page at an address, if it can be had without locks."""
    pmdp = pmd_offset(mm, address)
    pmd = pmdp.val
    if pmd_none(pmd) or (has(PMD_MIGRATION_IN_COMMON_PATHS) and not pmd_present(pmd)):
        return
    if pmd_trans_huge(pmd):
        gup_huge_pmd(pmd, pmdp, mm, address, flags, found)
    else:
        gup_pte_range(pmd, mm, address, flags, found)


@restates("mm/gup.c", at="v4.14")
def get_user_pages_fast(mm: Mm, start: u32, gup_flags: u32, found: FollowedPage) -> int:
    """The page at an address of this process: 1, or an error. At first without locks: with
    interrupts off, no flush of this processor's TLB ends, and so nothing that the entries lead to
    is freed or split.
    """
    found.page = NULL
    seq: u8 = 0
    fast = True
    if has(FORK_COPIES_PINNED_PAGES) and gup_flags & FOLL_PIN:
        mm_set_has_pinned(mm)
    if has(FORK_STOPS_GUP_FAST) and gup_flags & FOLL_PIN:
        seq = mm.write_protect_seq
        fast = seq & 1 == 0
    if fast:
        fast_flags = gup_flags
        if should_force_cow_break(gup_flags):
            fast_flags |= FOLL_WRITE
        local_irq_disable()
        gup_pmd_range(mm, start, fast_flags, found)
        local_irq_enable()
    if found.page:
        if not (has(FORK_STOPS_GUP_FAST) and gup_flags & FOLL_PIN):
            return 1
        again = mm.write_protect_seq
        if again == seq:
            return 1
        unpin_user_page(found.page, gup_flags)
        found.page = NULL
    down_read(mm.mmap_sem)
    ret = get_user_pages(mm, start, gup_flags, found)
    up_read(mm.mmap_sem)
    return ret


# ------------------------------------------------------------------------- other processes' memory


@restates("mm/memory.c", at="v4.14")
def __access_remote_vm(mm: Mm, address: u32, value: u8, gup_flags: u32) -> None:
    """Read a byte of an address space, or write one, whatever the process may: /proc/PID/mem."""
    found = FollowedPage()
    down_read(mm.mmap_sem)
    if get_user_pages(mm, address, gup_flags | FOLL_FORCE | FOLL_GET, found) == 1:
        if gup_flags & FOLL_WRITE:
            store_to_pinned(mm, address, found.page, value)
            set_page_dirty_lock(found.page)
        else:
            load_from_pinned(mm, address, found.page)
        put_page(found.page)
    up_read(mm.mmap_sem)


from mmspec.spec.page.migrate import (  # noqa: E402
    migration_entry_wait,
    pmd_migration_entry_wait,
)
from mmspec.spec.page.mmap import find_vma  # noqa: E402
