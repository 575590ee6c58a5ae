"""Memory policy: mbind(2), migrate_pages(2), and the queueing that both do (mm/mempolicy.c)."""

from __future__ import annotations

from mmspec.kernels.changes import (
    MBIND_MOVES_THP,
    THP_MIGRATION,
)
from mmspec.kernels.drafts import (
    DESTINATIONS_ARE_SMALL,
    QUEUE_PMD_ON_WRONG_NODE,
    QUEUE_TAKES_ANY_PMD,
)
from mmspec.lang import NULL, OnStack, has, restates, this_task, u8, u32
from mmspec.spec.machine.locks import (
    SpinLock,
    down_read,
    down_write,
    spin_lock,
    spin_unlock,
    up_read,
    up_write,
)
from mmspec.spec.machine.pgtable import (
    is_pmd_migration_entry,
    pmd_trans_huge,
    pte_present,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_MASK,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    NR_STABLE_NODES,
    PAGE_SIZE,
    USER_BASE,
    USER_END,
)
from mmspec.spec.page.filemap import lock_page, unlock_page
from mmspec.spec.page.huge_memory import __split_huge_pmd, split_huge_page
from mmspec.spec.page.huge_zero_page import is_huge_zero_page
from mmspec.spec.page.memory import vm_normal_page
from mmspec.spec.page.migrate import (
    MIGRATE_SYNC,
    PageList,
    PageToNode,
    list_add_page,
    list_is_empty,
    migrate_pages,
    putback_movable_pages,
)
from mmspec.spec.page.mm import (
    get_page,
    hpage_nr_pages,
    mod_node_page_state,
    page_mapcount,
    page_to_nid,
)
from mmspec.spec.page.mm_types import (
    EFAULT,
    EIO,
    NR_ISOLATED_ANON,
    Mm,
    Page,
    Pmd,
    Vma,
    tasks,
)
from mmspec.spec.page.mmap import find_vma
from mmspec.spec.page.page_alloc import (
    ALL_NODES,
    alloc_pages_nodemask,
    alloc_pages_vma,
    prep_transhuge_page,
)
from mmspec.spec.page.page_flags import (
    PageKsm,
    PageTransCompound,
    PageTransHuge,
    compound_head,
)
from mmspec.spec.page.pgtable import (
    pmd_lock,
    pmd_none_or_trans_huge_or_clear_bad,
    pmd_offset,
    pmd_page,
    pmd_table,
    pmd_trans_huge_lock,
    pte_in,
)
from mmspec.spec.page.swap import isolate_lru_page, put_page

MPOL_MF_STRICT = 1
MPOL_MF_MOVE = 2
MPOL_MF_MOVE_ALL = 4
MPOL_MF_INVERT = 0x20


class QueuePages(OnStack):
    """struct queue_pages: which pages are wanted."""

    nmask: u8
    flags: u8


@restates("mm/mempolicy.c", at="v4.14")
def queue_pages_required(page: Page, qp: QueuePages) -> bool:
    """Whether the page is on a node of the mask; with MPOL_MF_INVERT, on none."""
    nid = page_to_nid(page)
    on_node = qp.nmask >> nid & 1 != 0
    return on_node == (qp.flags & MPOL_MF_INVERT == 0)


@restates("mm/mempolicy.c", at="v4.14")
def migrate_page_add(page: Page, pagelist: PageList, flags: u8) -> None:
    """Isolate a page to be migrated, unless others map it too and only ours are to move."""
    head = page
    if has(MBIND_MOVES_THP):
        head = compound_head(page)
    if flags & MPOL_MF_MOVE_ALL or page_mapcount(head) == 1:
        if isolate_lru_page(head) == 0:
            list_add_page(pagelist, head)
            if has(MBIND_MOVES_THP):
                mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(head))
            else:
                mod_node_page_state(NR_ISOLATED_ANON, 1)


def _split_locked(page: Page) -> int:
    """Split a huge page on which the caller has a reference, and drop that."""
    lock_page(page)
    ret = split_huge_page(page)
    unlock_page(page)
    put_page(page)
    return ret


@restates("mm/mempolicy.c", at="v4.14")
def queue_pages_pmd(
    vma: Vma, pmd: Pmd, ptl: SpinLock, address: u32, qp: QueuePages, pagelist: PageList
) -> bool:
    """Queue the huge page of a PMD; True if the PMD is done with. Drops the PMD's lock."""
    pmdval = pmd.val
    if is_pmd_migration_entry(pmdval) and not has(QUEUE_TAKES_ANY_PMD):
        spin_unlock(ptl)
        return True
    page = pmd_page(pmdval)
    if is_huge_zero_page(page):
        spin_unlock(ptl)
        __split_huge_pmd(vma, pmd, address, False, NULL)
        return False
    if not has(THP_MIGRATION):
        get_page(page)
        spin_unlock(ptl)
        return _split_locked(page) != 0
    wanted = queue_pages_required(page, qp)
    if has(QUEUE_PMD_ON_WRONG_NODE):
        wanted = not wanted
    if wanted:
        if qp.flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL):
            migrate_page_add(page, pagelist, qp.flags)
    spin_unlock(ptl)
    return True


def _split_pmd_mapped(vma: Vma, pmd: Pmd, address: u32) -> bool:
    """How the walker met a huge PMD before it could migrate one: it splits the page."""
    pmdval = pmd.val
    if pmd_trans_huge(pmdval):
        ptl = pmd_lock(pmd)
        pmdval = pmd.val
        if pmd_trans_huge(pmdval):
            page = pmd_page(pmdval)
            if is_huge_zero_page(page):
                spin_unlock(ptl)
                __split_huge_pmd(vma, pmd, address, False, NULL)
                return False
            get_page(page)
            spin_unlock(ptl)
            return _split_locked(page) != 0
        spin_unlock(ptl)
    return False


@restates("mm/mempolicy.c", at="v4.14")
def queue_pages_pte_range(
    vma: Vma, pmd: Pmd, start: u32, end: u32, qp: QueuePages, pagelist: PageList
) -> None:
    """Queue the pages of one page table, or of the huge PMD in its place."""
    if has(MBIND_MOVES_THP):
        ptl = pmd_trans_huge_lock(pmd)
        if ptl:
            if queue_pages_pmd(vma, pmd, ptl, start, qp, pagelist):
                return
    elif _split_pmd_mapped(vma, pmd, start):
        return
    if pmd_none_or_trans_huge_or_clear_bad(pmd):
        return
    pmdval = pmd.val
    table = pmd_table(pmdval)
    address = start
    spin_lock(table.ptl)
    while address != end:
        pte = pte_in(table, address)
        pteval = pte.val
        if not pte_present(pteval):
            address += PAGE_SIZE
            continue
        page = vm_normal_page(pteval)
        if not page:
            address += PAGE_SIZE
            continue
        if not queue_pages_required(page, qp):
            address += PAGE_SIZE
            continue
        if not has(MBIND_MOVES_THP) and PageTransCompound(page):
            # may be a tail: the reference, and the lock, are those of the head
            get_page(page)
            spin_unlock(table.ptl)
            ret = _split_locked(page)
            spin_lock(table.ptl)
            if ret != 0:
                address += PAGE_SIZE
            continue
        migrate_page_add(page, pagelist, qp.flags)
        address += PAGE_SIZE
    spin_unlock(table.ptl)


@restates("mm/mempolicy.c", at="v4.14")
def queue_pages_range(
    mm: Mm, start: u32, end: u32, nodes: u8, flags: u8, pagelist: PageList
) -> int:
    """Queue the pages of a range that are to be migrated."""
    qp = QueuePages(nmask=nodes, flags=flags)
    address = start
    while address < end:
        vma = find_vma(mm, address)
        if not vma:
            return -EFAULT
        if vma.vm_start > address:
            address = vma.vm_start
            continue
        following = min((address & HPAGE_PMD_MASK) + HPAGE_PMD_SIZE, min(end, vma.vm_end))
        pmd = pmd_offset(mm, address)
        queue_pages_pte_range(vma, pmd, address, following, qp, pagelist)
        address = following
    return 0


@restates("mm/mempolicy.c", at="v4.14")
def new_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page by the policy of the VMA at `private`; huge if a huge one can be moved whole."""
    if NR_STABLE_NODES and PageKsm(page):
        # its index does not say where it is mapped: no VMA's policy is its
        return alloc_pages_nodemask(ALL_NODES, 0)
    vma = find_vma(tasks[this_task()].mm, private)
    if has(MBIND_MOVES_THP) and PageTransHuge(page):
        thp = alloc_pages_vma(vma, HPAGE_PMD_ORDER)
        if thp:
            prep_transhuge_page(thp)
        return thp
    return alloc_pages_vma(vma, 0)


@restates("mm/mempolicy.c", at="v4.14")
def new_node_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page on node `private`."""
    if has(MBIND_MOVES_THP) and not has(DESTINATIONS_ARE_SMALL) and PageTransHuge(page):
        thp = alloc_pages_nodemask(1 << (private & 7), HPAGE_PMD_ORDER)
        if thp:
            prep_transhuge_page(thp)
        return thp
    return alloc_pages_nodemask(1 << (private & 7), 0)


@restates("mm/mempolicy.c", at="v4.14")
def do_mbind(start: u32, length: u32, nmask: u8, flags: u8) -> int:
    """Bind a range to nodes, and move what is elsewhere."""
    mm = tasks[this_task()].mm
    end = start + length
    pagelist = PageList()
    down_write(mm.mmap_sem)
    err = queue_pages_range(mm, start, end, nmask, flags | MPOL_MF_INVERT, pagelist)
    if err == 0:
        mbind_range(mm, start, end, nmask)
        nr_failed = 0
        if not list_is_empty(pagelist):
            nr_failed = migrate_pages(pagelist, new_page, start, NULL, MIGRATE_SYNC)
            if nr_failed:
                putback_movable_pages(pagelist)
        if nr_failed and flags & MPOL_MF_STRICT:
            err = -EIO
    else:
        putback_movable_pages(pagelist)
    up_write(mm.mmap_sem)
    return err


@restates("mm/mempolicy.c", at="v4.14")
def mbind_range(mm: Mm, start: u32, end: u32, nmask: u8) -> None:
    """Set the policy of the VMAs in a range. Omits: splitting and merging VMAs."""
    vma = mm.mmap
    while vma:
        if vma.vm_start < end and start < vma.vm_end:
            vma.vm_policy = nmask
        vma = vma.vm_next


@restates("mm/mempolicy.c", at="v4.14")
def do_migrate_pages(mm: Mm, source: u8, target: u8, flags: u8) -> int:
    """Move everything an address space has on one node to another; how much could not be."""
    assert flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL), (
        "VM_BUG_ON(!(flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)))"
    )
    pagelist = PageList()
    down_read(mm.mmap_sem)
    err = 0
    queue_pages_range(mm, USER_BASE, USER_END, 1 << (source & 7), flags, pagelist)
    if not list_is_empty(pagelist):
        err = migrate_pages(pagelist, new_node_page, target, NULL, MIGRATE_SYNC)
        if err:
            putback_movable_pages(pagelist)
    up_read(mm.mmap_sem)
    return err
