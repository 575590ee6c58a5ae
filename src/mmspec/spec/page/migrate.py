"""Page migration (mm/migrate.c)."""

from __future__ import annotations

from collections.abc import Callable

from mmspec.kernels.changes import (
    DIRTY_BEFORE_WRITE_BIT,
    MBIND_MOVES_THP,
    MIGRATED_THP_MLOCKED_IF_PMD_ONLY,
    MIGRATION_KEEPS_SOFT_DIRTY,
    MIGRATION_KEEPS_YOUNG_AND_DIRTY,
    MIGRATION_MLOCKS_NEW_PAGE,
    MIGRATION_SPLITS_QUEUED_THP,
    MIGRATION_SPLITS_WHAT_HAS_NO_ROOM,
    MIGRATION_WAIT_FOR_HEAD,
    MIGRATION_WAIT_TAKES_NO_REFERENCE,
    MOVE_PAGES_MOVES_THP,
    MOVED_PAGES_KIND_KNOWN_BEFORE,
    MOVED_THP_KEEPS_ITS_SLOTS,
    NUMA_FAULT_FLUSHES_UNDER_LOCK,
    NUMA_MIGRATION_FREEZES_PAGE,
    NUMA_MIGRATION_KEEPS_PMD_HUGE,
    NUMA_MOVES_THP_AS_ANY_PAGE,
    NUMA_THP_MIGRATION_NOTIFIES,
    RESTORE_BY_WALK,
    THP_MIGRATION,
    THP_MOVES_IN_SWAP_CACHE,
    USERFAULTFD_WP,
)
from mmspec.kernels.drafts import MOVE_PAGES_ISOLATES_TAIL, NUMA_HOLDS_NEW_THP
from mmspec.lang import (
    NULL,
    Array,
    OnStack,
    array,
    atomic,
    derived,
    has,
    i16,
    pointers,
    restates,
    u8,
    u16,
    u32,
    u64,
)
from mmspec.spec.machine.locks import SpinLock, down_read, spin_lock, spin_unlock, up_read
from mmspec.spec.machine.pgtable import (
    is_migration_entry,
    is_migration_entry_dirty,
    is_migration_entry_young,
    is_pmd_migration_entry,
    is_swap_pte,
    is_write_migration_entry,
    pmd_mkdirty,
    pmd_modify,
    pte_mkdirty,
    pte_mkold,
    pte_mksoft_dirty,
    pte_mkuffd_wp,
    pte_swp_soft_dirty,
    pte_swp_uffd_wp,
    pte_to_swp_entry,
    pte_wrprotect,
)
from mmspec.spec.machine.sizes import (
    HPAGE_PMD_NR,
    HPAGE_PMD_ORDER,
    HPAGE_PMD_SIZE,
    MIGRATE_PASSES,
    NR_STABLE_NODES,
    USER_PAGES,
)
from mmspec.spec.page.deferred_list import list_empty, page_deferred_list
from mmspec.spec.page.filemap import (
    SetPageLocked,
    lock_page,
    trylock_page,
    unlock_page,
    wait_on_page_locked,
    wait_on_queue,
)
from mmspec.spec.page.mlock import clear_page_mlock, mlock_vma_page
from mmspec.spec.page.mm import (
    get_page,
    get_page_unless_zero,
    hpage_nr_pages,
    linear_page_index,
    mod_node_page_state,
    page_count,
    page_mapcount,
    page_mapped,
    page_ref_add,
    page_ref_freeze,
    page_ref_unfreeze,
    page_to_nid,
    page_to_pfn,
    pfn_to_page,
    total_mapcount,
)
from mmspec.spec.page.mm_types import (
    EACCES,
    EAGAIN,
    EFAULT,
    ENOENT,
    ENOMEM,
    NR_ISOLATED_ANON,
    NR_MLOCK,
    VM_LOCKED,
    AnonVma,
    Mm,
    Page,
    Pmd,
    Vma,
    swap_info,
)
from mmspec.spec.page.page_alloc import (
    alloc_pages_nodemask,
    copy_highpage,
    copy_moved_highpage,
    prep_transhuge_page,
)
from mmspec.spec.page.page_flags import (
    PageAnon,
    PageCompound,
    PageDirty,
    PageKsm,
    PageLocked,
    PageMlocked,
    PageSwapBacked,
    PageSwapCache,
    PageTail,
    PageTransCompound,
    PageTransHuge,
    PageWriteback,
    PG_active,
    PG_dirty,
    PG_idle,
    PG_mlocked,
    PG_referenced,
    PG_swapbacked,
    PG_swapcache,
    PG_unevictable,
    PG_uptodate,
    PG_young,
    __PageMovable,
    clear_page_flags,
    compound_head,
    set_page_flags,
    test_clear_page_flags,
)
from mmspec.spec.page.page_vma_mapped import (
    PVMW_MIGRATION,
    PVMW_SYNC,
    PageVmaMappedWalk,
    page_vma_mapped_walk,
)
from mmspec.spec.page.pgtable import (
    flush_tlb_range,
    maybe_mkwrite,
    mk_huge_pmd,
    mk_pte,
    mm_tlb_flush_pending,
    pmd_lock,
    pmd_table,
    pmdp_huge_clear_flush,
    pte_in,
    pte_lockptr,
    set_pmd_at,
    set_pte_at,
)
from mmspec.spec.page.rmap import (
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_MLOCK,
    TTU_MIGRATION,
    RmapWalkControl,
    mm_find_pmd,
    page_add_anon_rmap,
    page_get_anon_vma,
    page_remove_rmap,
    put_anon_vma,
    rmap_walk,
    rmap_walk_locked,
    try_to_unmap,
)
from mmspec.spec.page.swap import isolate_lru_page, put_page, putback_lru_page
from mmspec.spec.page.swapfile import total_swap_pages
from mmspec.spec.page.swapops import migration_entry_to_page
from mmspec.spec.page.vmstat import VmEvent, count_vm_events

# ---------------------------------------------------------------- from migration entries back


@restates("mm/migrate.c", at="v4.14")
def remove_migration_pte(page: Page, vma: Vma, address: u32, arg: u32) -> bool:
    """Replace migration entries for the old page (`arg`) in a VMA by mappings of the new one."""
    old = pfn_to_page(arg)
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    pvmw = PageVmaMappedWalk(page=old, vma=vma, address=address, flags=PVMW_SYNC | PVMW_MIGRATION)
    while page_vma_mapped_walk(pvmw):
        if NR_STABLE_NODES and PageKsm(page):
            # mapped wherever its contents are the same
            new = page
        else:
            index = old.index
            new = page + (linear_page_index(vma, pvmw.address) - index)
        if has(THP_MIGRATION) and not pvmw.pte:
            assert PageTransCompound(page), "VM_BUG_ON_PAGE(!PageTransCompound(page))"
            remove_migration_pmd(pvmw, new)
            continue
        get_page(new)
        pte = mk_pte(new, vma.vm_page_prot)
        swp_pte = pvmw.pte.val
        entry = pte_to_swp_entry(swp_pte)
        if not (has(MIGRATION_KEEPS_YOUNG_AND_DIRTY) and is_migration_entry_young(entry)):
            pte = pte_mkold(pte)
        if has(MIGRATION_KEEPS_SOFT_DIRTY) and pte_swp_soft_dirty(swp_pte):
            pte = pte_mksoft_dirty(pte)
        if has(MIGRATION_KEEPS_YOUNG_AND_DIRTY) and is_migration_entry_dirty(entry):
            if PageDirty(new):
                pte = pte_mkdirty(pte)
        # permissions may have changed meanwhile
        if is_write_migration_entry(entry):
            pte = maybe_mkwrite(pte, vma)
        elif has(USERFAULTFD_WP) and pte_swp_uffd_wp(swp_pte):
            pte = pte_mkuffd_wp(pte)
        elif has(DIRTY_BEFORE_WRITE_BIT):
            pte = pte_wrprotect(pte)
        set_pte_at(pvmw.pte, pte)
        page_add_anon_rmap(new, vma, pvmw.address, False)
        if has(MIGRATION_MLOCKS_NEW_PAGE) and vma.vm_flags & VM_LOCKED:
            if not PageTransCompound(new):
                mlock_vma_page(new)
        if has(MIGRATED_THP_MLOCKED_IF_PMD_ONLY) and PageTransHuge(page) and PageMlocked(page):
            clear_page_mlock(page)
        # nothing to flush: it was not present
    return True


@remove_migration_pte.before(RESTORE_BY_WALK, at="v4.10")
def remove_migration_pte_page(page: Page, vma: Vma, address: u32, arg: u32) -> bool:
    """Replace the migration entry for this very page. A PMD that is no table has none."""
    old = pfn_to_page(arg)
    pmd = mm_find_pmd(vma.vm_mm, address)
    if not pmd:
        return True
    pmde = pmd.val
    ptep = pte_in(pmd_table(pmde), address)
    ptl = pte_lockptr(ptep)
    spin_lock(ptl)
    swp_pte = ptep.val
    if is_swap_pte(swp_pte):
        entry = pte_to_swp_entry(swp_pte)
        if is_migration_entry(entry) and migration_entry_to_page(entry) is old:
            get_page(page)
            pte = pte_mkold(mk_pte(page, vma.vm_page_prot))
            if has(MIGRATION_KEEPS_SOFT_DIRTY) and pte_swp_soft_dirty(swp_pte):
                pte = pte_mksoft_dirty(pte)
            if is_write_migration_entry(entry):
                pte = maybe_mkwrite(pte, vma)
            set_pte_at(ptep, pte)
            page_add_anon_rmap(page, vma, address, False)
            if has(MIGRATION_MLOCKS_NEW_PAGE) and vma.vm_flags & VM_LOCKED:
                if not PageTransCompound(page):
                    mlock_vma_page(page)
    spin_unlock(ptl)
    return True


@restates("mm/migrate.c", at="v4.14")
def remove_migration_ptes(old: Page, new: Page, locked: bool) -> None:
    """Replace all migration entries for `old` by mappings of `new`. Requires: `new` locked."""
    rwc = RmapWalkControl(rmap_one=remove_migration_pte, arg=page_to_pfn(old))
    if locked:
        rmap_walk_locked(new, rwc)
    else:
        rmap_walk(new, rwc)


# ------------------------------------------------------------------------------------ waiting


@restates("mm/filemap.c", at="v5.17")
def migration_entry_wait_on_locked(page: Page, ptl: SpinLock) -> None:
    """Wait, without a reference, until a page is unlocked; it may be free by then. Drops the lock.

    Omits: that who waits is on the wait queue before the lock is dropped. Here a later owner of the
    page lock may be waited for, too.
    """
    spin_unlock(ptl)
    wait_on_queue(compound_head(page))


@restates("mm/migrate.c", at="v4.14")
def migration_entry_wait(pmd: Pmd, address: u32) -> None:
    """A fault on a migration entry: wait until the page is unlocked, then try again."""
    pmdval = pmd.val
    ptep = pte_in(pmd_table(pmdval), address)
    ptl = pte_lockptr(ptep)
    spin_lock(ptl)
    pte = ptep.val
    if is_swap_pte(pte):
        entry = pte_to_swp_entry(pte)
        if is_migration_entry(entry):
            page = migration_entry_to_page(entry)
            if has(MIGRATION_WAIT_TAKES_NO_REFERENCE):
                migration_entry_wait_on_locked(page, ptl)
                return
            if has(MIGRATION_WAIT_FOR_HEAD):
                page = compound_head(page)
            # a frozen page cannot be waited for, nor can a tail: fault again
            if get_page_unless_zero(page):
                spin_unlock(ptl)
                wait_on_page_locked(page)
                put_page(page)
                return
    spin_unlock(ptl)


@restates("mm/migrate.c", at="v4.14")
def pmd_migration_entry_wait(pmd: Pmd) -> None:
    """The same for a huge page."""
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    if is_pmd_migration_entry(pmdval):
        page = migration_entry_to_page(pte_to_swp_entry(pmdval))
        if has(MIGRATION_WAIT_TAKES_NO_REFERENCE):
            migration_entry_wait_on_locked(page, ptl)
            return
        if get_page_unless_zero(page):
            spin_unlock(ptl)
            wait_on_page_locked(page)
            put_page(page)
            return
    spin_unlock(ptl)


# ---------------------------------------------------------------------------------- migrating


#: Room on a list: for what a process maps, and the tails of a huge page that it maps in part only.
LIST_SIZE: int = derived(lambda: 2 * USER_PAGES)
#: enum migrate_mode: whether to sleep for the page lock.
MIGRATE_ASYNC, MIGRATE_SYNC = 0, 2


class PageList(OnStack):
    """A list of isolated pages, in order."""

    nr: u16 = 0
    pages: Array[Page] = pointers(LIST_SIZE)


class PageToNode(OnStack):
    """What move_pages(2) is to do: `nr` addresses, a node for each, and what became of it."""

    nr: u16 = 0
    addr: Array[u32] = array(USER_PAGES)
    node: Array[u8] = array(USER_PAGES)
    status: Array[i16] = array(USER_PAGES)
    page: Array[Page] = pointers(USER_PAGES)


@restates("mm/migrate.c", at="v4.14")
def migrate_page_move_mapping(newpage: Page, page: Page) -> int:
    """The new page takes the old one's place; -EAGAIN if anybody else has a reference."""
    expected_count = 1
    if total_swap_pages() and PageSwapCache(page):
        return swap_cache_move_mapping(newpage, page)
    if page_count(page) != expected_count:
        return -EAGAIN
    # no turning back from here
    newpage.index = page.index
    newpage.mapping = page.mapping
    if PageSwapBacked(page):
        set_page_flags(newpage, PG_swapbacked)
    return 0


@restates("mm/migrate.c", at="v4.14")
def swap_cache_move_mapping(newpage: Page, page: Page) -> int:
    """The same of a page in the swap cache, where the new one takes its place: the rest of
    migrate_page_move_mapping().

    Up to v4.16 a huge page never moves: it has a reference for each of its slots.
    """
    nr: u16 = 1
    if has(THP_MOVES_IN_SWAP_CACHE):
        nr = hpage_nr_pages(page)
    spin_lock(swap_info.tree_lock)
    slot = page.private
    if page_count(page) != 1 + nr or swap_info.page[slot] is not page:
        spin_unlock(swap_info.tree_lock)
        return -EAGAIN
    if not page_ref_freeze(page, 1 + nr):
        spin_unlock(swap_info.tree_lock)
        return -EAGAIN
    newpage.index = page.index
    newpage.mapping = page.mapping
    page_ref_add(newpage, nr)
    if PageSwapBacked(page):
        set_page_flags(newpage, PG_swapbacked | PG_swapcache)
        newpage.private = slot
        if has(MOVED_THP_KEEPS_ITS_SLOTS):
            for i in range(1, nr):
                (newpage + i).private = slot + i
    # while nobody can make it dirty
    if PageDirty(page):
        clear_page_flags(page, PG_dirty)
        set_page_flags(newpage, PG_dirty)
    for i in range(nr):
        swap_info.page[slot + i] = newpage + i
    page_ref_unfreeze(page, 1)
    spin_unlock(swap_info.tree_lock)
    return 0


@atomic
def migrate_page_states(newpage: Page, page: Page) -> None:
    """The new page gets the old one's flags."""
    assert not (page.flags & PG_active and page.flags & PG_unevictable), (
        "VM_BUG_ON_PAGE(PageUnevictable(page))"
    )
    copied = (
        PG_referenced | PG_uptodate | PG_dirty | PG_active | PG_unevictable | PG_young | PG_idle
    )
    newpage.flags |= page.flags & copied
    # its slot is the new page's
    if page.flags & PG_swapcache:
        page.private = 0
    page.flags &= ~(PG_active | PG_unevictable | PG_swapcache)


@restates("mm/migrate.c", at="v4.14")
def migrate_page_copy(newpage: Page, page: Page) -> None:
    """Copy what the page holds, and what it is."""
    if PageTransHuge(page):
        for i in range(HPAGE_PMD_NR):
            copy_moved_highpage(newpage + i, page + i)
    else:
        copy_moved_highpage(newpage, page)
    if NR_STABLE_NODES:
        # before the old page leaves the swap cache: get_ksm_page() looks at both
        ksm_migrate_page(newpage, page)
    migrate_page_states(newpage, page)


@restates("mm/migrate.c", at="v4.14")
def move_to_new_page(newpage: Page, page: Page) -> int:
    """Move an anonymous page. Requires: both locked; all mappings are migration entries."""
    assert PageLocked(page), "VM_BUG_ON_PAGE(!PageLocked(page))"
    assert PageLocked(newpage), "VM_BUG_ON_PAGE(!PageLocked(newpage))"
    rc = migrate_page_move_mapping(newpage, page)
    if rc == 0:
        migrate_page_copy(newpage, page)
    return rc


@restates("mm/migrate.c", at="v4.14")
def __unmap_and_move(page: Page, newpage: Page, force: bool, mode: u8) -> int:
    """Unmap a page, move it, and map it again. Omits: waiting for writeback, pages with no mapping.

    Requires: a reference for the isolation, and one on the new page, which nobody else knows.
    """
    if not trylock_page(page):
        if not force or mode == MIGRATE_ASYNC:
            return -EAGAIN
        lock_page(page)
    rc = -EAGAIN
    anon_vma: AnonVma = NULL
    if not PageWriteback(page):
        # keeps the anon_vma while nothing maps the page
        if PageAnon(page) and not (NR_STABLE_NODES and PageKsm(page)):
            anon_vma = page_get_anon_vma(page)
        if trylock_page(newpage):
            page_was_mapped = False
            if page_mapped(page):
                if not (NR_STABLE_NODES and PageKsm(page)):
                    assert anon_vma or not PageAnon(page), (
                        "VM_BUG_ON_PAGE(PageAnon(page) && !PageKsm(page) && !anon_vma)"
                    )
                try_to_unmap(page, TTU_MIGRATION | TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS)
                page_was_mapped = True
            if not page_mapped(page):
                rc = move_to_new_page(newpage, page)
            if page_was_mapped:
                if rc == 0:
                    remove_migration_ptes(page, newpage, False)
                else:
                    remove_migration_ptes(page, page, False)
            unlock_page(newpage)
        if anon_vma:
            put_anon_vma(anon_vma)
    unlock_page(page)
    if rc == 0:
        if not has(MOVED_PAGES_KIND_KNOWN_BEFORE) and __PageMovable(newpage):
            # unlocked by now, but we have a reference
            put_page(newpage)
        else:
            putback_lru_page(newpage)
    return rc


@restates("mm/migrate.c", at="v4.14")
def unmap_and_move(
    get_new_page: Callable[[Page, u32, PageToNode], Page],
    private: u32,
    pm: PageToNode,
    page: Page,
    force: bool,
    mode: u8,
) -> int:
    """Migrate one isolated page. Anything but -EAGAIN ends it: the page is off the list."""
    newpage = get_new_page(page, private, pm)
    if not newpage:
        return -ENOMEM
    rc = 0
    if page_count(page) == 1:
        # freed under us: done
        clear_page_flags(page, PG_active | PG_unevictable)
        put_page(newpage)
    else:
        if not has(MIGRATION_SPLITS_WHAT_HAS_NO_ROOM):
            split = PageTransHuge(page) and not (has(THP_MIGRATION) and PageTransHuge(newpage))
            if split:
                rc = _split_locked(page, NULL)
        if rc == 0:
            rc = __unmap_and_move(page, newpage, force, mode)
        if rc != 0:
            if rc != -EAGAIN:
                mod_node_page_state(NR_ISOLATED_ANON, -_nr_isolated(page))
                putback_lru_page(page)
            put_page(newpage)
            if pm:
                _set_result(pm, page, newpage, rc)
            return rc
    if pm:
        _set_result(pm, page, newpage, rc)
    mod_node_page_state(NR_ISOLATED_ANON, -_nr_isolated(page))
    put_page(page)
    return rc


def _set_result(pm: PageToNode, page: Page, newpage: Page, rc: int) -> None:
    """Where the destination's callback wants the result: an error, or the new node."""
    for k in range(USER_PAGES):
        if k < pm.nr and pm.page[k] is page:
            pm.status[k] = rc if rc != 0 else page_to_nid(newpage)
            return


def _split_locked(page: Page, pagelist: PageList) -> int:
    """Split a huge page; its tails are isolated if there is a list for them."""
    lock_page(page)
    ret = split_huge_page_to_list(page, pagelist)
    unlock_page(page)
    return ret


def _nr_isolated(page: Page) -> u16:
    """How many pages an isolated one counts for."""
    if has(MBIND_MOVES_THP):
        return hpage_nr_pages(page)
    return 1


@restates("mm/migrate.c", at="v4.14")
def migrate_pages(
    pagelist: PageList,
    get_new_page: Callable[[Page, u32, PageToNode], Page],
    private: u32,
    pm: PageToNode,
    mode: u8,
) -> int:
    """Migrate a list of isolated pages; how many were not, or -ENOMEM, which ends it at once."""
    nr_failed = 0
    nr_succeeded = 0
    retry = 1
    for attempt in range(MIGRATE_PASSES):
        if not retry:
            break
        retry = 0
        for k in range(LIST_SIZE):
            page = pagelist.pages[k]
            if page:
                if has(MIGRATION_SPLITS_QUEUED_THP) and PageTransHuge(page):
                    # partly unmapped, and queued to be split: the new page would not be
                    if not list_empty(page_deferred_list(page)):
                        _split_locked(page, pagelist)
                rc = unmap_and_move(get_new_page, private, pm, page, attempt > 2, mode)
                if has(MIGRATION_SPLITS_WHAT_HAS_NO_ROOM) and rc == -ENOMEM:
                    if PageTransHuge(page):
                        # the head is tried again at once, the tails when their turn comes
                        rc = _split_locked(page, pagelist)
                        if rc != 0:
                            count_vm_events(VmEvent.PGMIGRATE_SUCCESS, nr_succeeded)
                            count_vm_events(VmEvent.PGMIGRATE_FAIL, nr_failed + 1)
                            return rc
                        rc = unmap_and_move(get_new_page, private, pm, page, attempt > 2, mode)
                if rc == -ENOMEM:
                    count_vm_events(VmEvent.PGMIGRATE_SUCCESS, nr_succeeded)
                    count_vm_events(VmEvent.PGMIGRATE_FAIL, nr_failed + 1)
                    return -ENOMEM
                if rc == -EAGAIN:
                    retry += 1
                else:
                    pagelist.pages[k] = NULL
                    if rc != 0:
                        nr_failed += 1
                    else:
                        nr_succeeded += 1
    nr_failed += retry
    count_vm_events(VmEvent.PGMIGRATE_SUCCESS, nr_succeeded)
    count_vm_events(VmEvent.PGMIGRATE_FAIL, nr_failed)
    return nr_failed


@restates("mm/migrate.c", at="v4.14")
def putback_movable_pages(pagelist: PageList) -> None:
    """Give isolated pages that were not migrated back to the LRU."""
    for k in range(LIST_SIZE):
        page = pagelist.pages[k]
        if page:
            pagelist.pages[k] = NULL
            mod_node_page_state(NR_ISOLATED_ANON, -_nr_isolated(page))
            putback_lru_page(page)


def list_add_page(pagelist: PageList, page: Page) -> None:
    """Put an isolated page at the end of a list."""
    pagelist.pages[pagelist.nr] = page
    pagelist.nr += 1


def list_is_empty(pagelist: PageList) -> bool:
    """Whether nothing was ever put on a list."""
    return pagelist.nr == 0


# ------------------------------------------------------------------------------ NUMA balancing
# Nothing limits how much is moved, and no node is ever nearly full.


@restates("mm/migrate.c", at="v4.14")
def alloc_misplaced_dst_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page on node `private`; huge if a huge one is moved."""
    if has(NUMA_MOVES_THP_AS_ANY_PAGE) and PageTransHuge(page):
        thp = alloc_pages_nodemask(1 << (private & 7), HPAGE_PMD_ORDER)
        if thp:
            prep_transhuge_page(thp)
        return thp
    return alloc_pages_nodemask(1 << (private & 7), 0)


@restates("mm/migrate.c", at="v4.14")
def numamigrate_isolate_page(page: Page) -> bool:
    """Take a page off the LRU to be moved; the caller's reference is given up for the list's."""
    assert not PageCompound(page) or PageTransHuge(page), (
        "VM_BUG_ON_PAGE(compound_order(page) && !PageTransHuge(page))"
    )
    if has(NUMA_MOVES_THP_AS_ANY_PAGE) and PageTransHuge(page) and total_mapcount(page) > 1:
        return False
    if isolate_lru_page(page):
        return False
    # one reference for its mapping, the caller's and the list's: with any other it cannot be moved
    if not has(NUMA_MOVES_THP_AS_ANY_PAGE) and PageTransHuge(page) and page_count(page) != 3:
        putback_lru_page(page)
        return False
    mod_node_page_state(NR_ISOLATED_ANON, hpage_nr_pages(page))
    put_page(page)
    return True


@restates("mm/migrate.c", at="v4.14")
def migrate_misplaced_page(page: Page, node: u8) -> bool:
    """Move a page on which the caller has a reference, which is given up, to a node."""
    if not numamigrate_isolate_page(page):
        put_page(page)
        return False
    migratepages = PageList()
    list_add_page(migratepages, page)
    if migrate_pages(migratepages, alloc_misplaced_dst_page, node, NULL, MIGRATE_ASYNC):
        putback_movable_pages(migratepages)
        return False
    return True


@restates("mm/internal.h", at="v4.14")
def mlock_migrate_page(newpage: Page, page: Page) -> None:
    """What was mlocked stays so when it moves."""
    if test_clear_page_flags(page, PG_mlocked):
        nr_pages = hpage_nr_pages(page)
        mod_node_page_state(NR_MLOCK, -nr_pages)
        set_page_flags(newpage, PG_mlocked)
        mod_node_page_state(NR_MLOCK, nr_pages)


@restates("mm/migrate.c", at="v4.14")
def migrate_misplaced_transhuge_page(
    vma: Vma, pmd: Pmd, entry: u64, haddr: u32, page: Page, node: u8
) -> bool:
    """Move a huge page that one PMD maps, which denies access meanwhile: no migration entry.

    Requires: page lock and a reference, which are both given up; the anon_vma's lock.
    """
    new_page = alloc_pages_nodemask(1 << (node & 7), HPAGE_PMD_ORDER)
    if new_page:
        prep_transhuge_page(new_page)
        if not numamigrate_isolate_page(page):
            put_page(new_page)
            new_page = NULL
    if not new_page:
        ptl = pmd_lock(pmd)
        pmdval = pmd.val
        if pmdval == entry:
            set_pmd_at(pmd, pmd_modify(entry, vma.vm_page_prot))
        spin_unlock(ptl)
        unlock_page(page)
        put_page(page)
        return False

    SetPageLocked(new_page)
    if PageSwapBacked(page):
        set_page_flags(new_page, PG_swapbacked)
    new_page.mapping = page.mapping
    new_page.index = page.index
    if not has(NUMA_FAULT_FLUSHES_UNDER_LOCK) and mm_tlb_flush_pending(vma.vm_mm):
        flush_tlb_range(vma.vm_mm, haddr, haddr + HPAGE_PMD_SIZE)
    # migrate_page_copy(); but whether the page moves is not certain yet
    for i in range(HPAGE_PMD_NR):
        copy_highpage(new_page + i, page + i)
    migrate_page_states(new_page, page)

    mm = vma.vm_mm
    if has(NUMA_THP_MIGRATION_NOTIFIES):
        mmu_notifier_invalidate_range_start(mm, haddr, haddr + HPAGE_PMD_SIZE)
    ptl = pmd_lock(pmd)
    pmdval = pmd.val
    moved = pmdval == entry
    if has(NUMA_MIGRATION_FREEZES_PAGE) and moved:
        # somebody may have got a reference since they were counted
        moved = page_ref_freeze(page, 2)
    if not moved:
        spin_unlock(ptl)
        if has(NUMA_THP_MIGRATION_NOTIFIES):
            mmu_notifier_invalidate_range_end(mm, haddr, haddr + HPAGE_PMD_SIZE)
        # what migrate_page_copy() took from the old page
        if test_clear_page_flags(new_page, PG_active):
            set_page_flags(page, PG_active)
        if test_clear_page_flags(new_page, PG_unevictable):
            set_page_flags(page, PG_unevictable)
        unlock_page(new_page)
        put_page(new_page)
        get_page(page)
        putback_lru_page(page)
        mod_node_page_state(NR_ISOLATED_ANON, -HPAGE_PMD_NR)
        unlock_page(page)
        put_page(page)
        return False

    entry = maybe_mkwrite(pmd_mkdirty(mk_huge_pmd(new_page, vma.vm_page_prot)), vma)
    page_add_anon_rmap(new_page, vma, haddr, True)
    if not has(NUMA_MIGRATION_KEEPS_PMD_HUGE):
        pmdp_huge_clear_flush(vma, haddr, pmd)
    # no TLB has what denied access
    set_pmd_at(pmd, entry)
    if has(NUMA_MIGRATION_FREEZES_PAGE):
        page_ref_unfreeze(page, 2)
    mlock_migrate_page(new_page, page)
    page_remove_rmap(page, True)
    if has(NUMA_HOLDS_NEW_THP):
        get_page(new_page)
    spin_unlock(ptl)
    if has(NUMA_THP_MIGRATION_NOTIFIES):
        mmu_notifier_invalidate_range_end(mm, haddr, haddr + HPAGE_PMD_SIZE)

    # the list's reference: MADV_DONTNEED may have dropped all others by now
    if has(NUMA_HOLDS_NEW_THP):
        unlock_page(new_page)
        putback_lru_page(new_page)
    else:
        get_page(new_page)
        putback_lru_page(new_page)
        unlock_page(new_page)
    unlock_page(page)
    # the mapping's, and the list's
    put_page(page)
    put_page(page)
    mod_node_page_state(NR_ISOLATED_ANON, -HPAGE_PMD_NR)
    return True


# --------------------------------------------------------------------------------- move_pages


@restates("mm/migrate.c", at="v4.14")
def new_page_node(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page on the node that move_pages(2) asked for."""
    k = 0
    while pm.page[k] is not page:
        k += 1
        if k == pm.nr:
            return NULL
    nodemask = 1 << (pm.node[k] & 7)
    if has(MOVE_PAGES_MOVES_THP) and PageTransHuge(page):
        thp = alloc_pages_nodemask(nodemask, HPAGE_PMD_ORDER)
        if thp:
            prep_transhuge_page(thp)
        return thp
    return alloc_pages_nodemask(nodemask, 0)


@restates("mm/migrate.c", at="v4.14")
def do_move_page_to_node_array(mm: Mm, pm: PageToNode, migrate_all: bool) -> int:
    """Move each address's page to its node, and say what became of it.

    Statuses: a node or an error. Several addresses in one huge page: it moves with the first, the
    others are busy.
    """
    pagelist = PageList()
    found = FollowedPage()
    down_read(mm.mmap_sem)
    for k in range(USER_PAGES):
        if k < pm.nr:
            address = pm.addr[k]
            vma = find_vma(mm, address)
            if not vma or address < vma.vm_start:
                pm.status[k] = -EFAULT
                continue
            follflags = FOLL_GET
            if not has(MOVE_PAGES_MOVES_THP):
                follflags |= FOLL_SPLIT
            err = follow_page(vma, address, follflags, found)
            if err == 0:
                err = -ENOENT
                page = found.page
                if page:
                    err = page_to_nid(page)
                    if err != pm.node[k]:
                        err = -EACCES
                        if migrate_all or page_mapcount(page) <= 1:
                            head = page
                            if has(MOVE_PAGES_MOVES_THP) and not has(MOVE_PAGES_ISOLATES_TAIL):
                                head = compound_head(page)
                            pm.page[k] = head
                            err = isolate_lru_page(head)
                            if err == 0:
                                list_add_page(pagelist, head)
                                mod_node_page_state(NR_ISOLATED_ANON, _nr_isolated(head))
                    put_page(page)
            pm.status[k] = err
    err = 0
    if not list_is_empty(pagelist):
        err = migrate_pages(pagelist, new_page_node, 0, pm, MIGRATE_SYNC)
        if err:
            putback_movable_pages(pagelist)
    up_read(mm.mmap_sem)
    return err


from mmspec.spec.page.gup import FOLL_GET, FOLL_SPLIT, FollowedPage, follow_page  # noqa: E402
from mmspec.spec.page.huge_memory import remove_migration_pmd, split_huge_page_to_list  # noqa: E402
from mmspec.spec.page.ksm import ksm_migrate_page  # noqa: E402
from mmspec.spec.page.mmap import find_vma  # noqa: E402
from mmspec.spec.page.mmu_notifier import (  # noqa: E402
    mmu_notifier_invalidate_range_end,
    mmu_notifier_invalidate_range_start,
)
