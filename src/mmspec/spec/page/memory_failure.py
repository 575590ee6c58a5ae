"""Frames that are broken, or about to break (mm/memory-failure.c).

A free frame with PG_hwpoison is not allocated any more; one that was in use when it broke is never
freed: memory_failure() keeps its reference. What a broken frame holds stays as it is here: nobody
gets a machine check but who says so.
"""

from __future__ import annotations

from enum import IntEnum

from mmspec.kernels.changes import (
    FAILURE_FINDS_HEAD_BY_REFERENCE,
    FAILURE_LEAVES_NEW_PAGES_ALONE,
    FAILURE_WAITS_FOR_WRITEBACK,
    SECOND_FAILURE_IS_AN_ERROR,
    SECOND_FAILURE_PUTS_THE_PAGE,
    SOFT_OFFLINE_PINS_THE_PAGE,
    UNSPLIT_PAGE_STAYS_POISONED,
)
from mmspec.lang import (
    NULL,
    Array,
    OnStack,
    array,
    atomic,
    has,
    i32,
    index_of,
    restates,
    this_task,
    u8,
    u16,
    u32,
    unlocked,
)
from mmspec.spec.machine.sizes import MEMORY_FAILURE, NR_STABLE_NODES, NR_TASKS, PAGE_SHIFT
from mmspec.spec.page.filemap import lock_page, unlock_page, wait_on_page_writeback
from mmspec.spec.page.huge_memory import split_huge_page
from mmspec.spec.page.migrate import (
    MIGRATE_SYNC,
    PageList,
    PageToNode,
    list_add_page,
    migrate_pages,
    putback_movable_pages,
)
from mmspec.spec.page.mm import (
    get_page_unless_zero,
    mod_node_page_state,
    page_count,
    page_mapped,
    page_to_nid,
    page_to_pgoff,
    pfn_to_page,
)
from mmspec.spec.page.mm_types import (
    EBUSY,
    EFAULT,
    EHWPOISON,
    EIO,
    NR_ISOLATED_ANON,
    Page,
    Vma,
    broken_frames,
    signals,
    tasks,
)
from mmspec.spec.page.page_alloc import ALL_NODES, is_free_buddy_page, new_page_nodemask
from mmspec.spec.page.page_flags import (
    ClearPageHWPoison,
    PageAnon,
    PageCompound,
    PageDirty,
    PageHWPoison,
    PageKsm,
    PageLRU,
    PageSwapCache,
    PageTransHuge,
    PageWriteback,
    PG_active,
    PG_dirty,
    PG_head,
    PG_lru,
    PG_mlocked,
    PG_swapbacked,
    PG_swapcache,
    PG_unevictable,
    PG_uptodate,
    TestSetPageHWPoison,
    clear_page_flags,
    compound_head,
)
from mmspec.spec.page.page_vma_mapped import page_mapped_in_vma
from mmspec.spec.page.rmap import (
    TTU_IGNORE_ACCESS,
    TTU_IGNORE_HWPOISON,
    TTU_IGNORE_MLOCK,
    anon_vma_unlock_read,
    page_address_in_vma,
    page_lock_anon_vma_read,
    try_to_unmap,
)
from mmspec.spec.page.swap import isolate_lru_page, put_page
from mmspec.spec.page.swap_state import delete_from_swap_cache

MF_COUNT_INCREASED, MF_ACTION_REQUIRED, MF_MUST_KILL = 1, 2, 4
#: enum mf_result.
MF_IGNORED, MF_FAILED, MF_DELAYED, MF_RECOVERED = 0, 1, 2, 3
#: Signals, as bits: the process may handle the first.
SIGBUS, SIGKILL = 1, 2


class PageState(IntEnum):
    """What a broken page can be: the actions of error_states[] that are of use here."""

    HUGE = 0
    SWAPCACHE_DIRTY = 1
    SWAPCACHE_CLEAN = 2
    PAGECACHE_DIRTY = 3
    PAGECACHE_CLEAN = 4
    UNKNOWN = 5


# --------------------------------------------------------------------------------- hard offline


class ToKill(OnStack):
    """struct to_kill of each task: whether it is on the list, and where it has the page."""

    listed: Array[u8] = array(NR_TASKS)
    addr: Array[i32] = array(NR_TASKS)


@atomic
def send_signal(task: u8, signal: u8) -> None:
    """Send a signal. Omits: what the process makes of it."""
    signals[task].sent |= signal


@restates("mm/memory-failure.c", at="v4.14")
def kill_proc(task: u8, flags: u8) -> None:
    """Tell a process; the caller's own, if it cannot go on, at once."""
    if flags & MF_ACTION_REQUIRED and tasks[task].mm is tasks[this_task()].mm:
        send_signal(this_task(), SIGBUS)
    else:
        send_signal(task, SIGBUS)


@restates("mm/memory-failure.c", at="v4.14")
def add_to_kill(task: u8, page: Page, vma: Vma, to_kill: ToKill) -> None:
    """One process more. Omits: that it may be there several times."""
    to_kill.addr[task] = page_address_in_vma(page, vma)
    to_kill.listed[task] = 1


@restates("mm/memory-failure.c", at="v4.14")
def kill_procs(to_kill: ToKill, forcekill: bool, fail: bool, flags: u8) -> None:
    """Signal who is on the list; who may still have the page must not handle it."""
    for t in range(NR_TASKS):
        if to_kill.listed[t] and forcekill:
            if fail or to_kill.addr[t] == -EFAULT:
                send_signal(t, SIGKILL)
            else:
                kill_proc(t, flags)


@restates("mm/memory-failure.c", at="v4.14")
def task_early_kill(task: u8, force_early: bool) -> bool:
    """Whether a process is told before it comes to the page. Omits: that it may ask for that."""
    mm = tasks[task].mm
    if not mm or not force_early:
        return False
    # its first thread is told
    for t in range(task):
        if tasks[t].mm is mm:
            return False
    return True


@restates("mm/memory-failure.c", at="v4.14")
def collect_procs_anon(page: Page, to_kill: ToKill, force_early: bool) -> None:
    """Whose memory an anonymous page is. Omits: tasklist_lock, nobody comes or goes here."""
    av = page_lock_anon_vma_read(page)
    if not av:
        # not mapped any more
        return
    pgoff = page_to_pgoff(page)
    for t in range(NR_TASKS):
        if task_early_kill(t, force_early):
            avc = av.rb_root
            while avc:
                vma = avc.vma
                last = vma.vm_pgoff + ((vma.vm_end - vma.vm_start) >> PAGE_SHIFT)
                if vma.vm_pgoff <= pgoff and pgoff < last and page_mapped_in_vma(page, vma):
                    if vma.vm_mm is tasks[t].mm:
                        add_to_kill(t, page, vma, to_kill)
                avc = avc.rb_next
    anon_vma_unlock_read(av)


@restates("mm/memory-failure.c", at="v4.14")
def collect_procs(page: Page, to_kill: ToKill, force_early: bool) -> None:
    """Whose memory a page is."""
    if page.mapping == 0:
        return
    if PageAnon(page):
        collect_procs_anon(page, to_kill, force_early)


@restates("mm/memory-failure.c", at="v4.14")
def delete_from_lru_cache(p: Page) -> int:
    """Take a page off the LRU for good."""
    if isolate_lru_page(p) == 0:
        clear_page_flags(p, PG_active | PG_unevictable)
        # that of isolate_lru_page()
        put_page(p)
        return 0
    return -EIO


@restates("mm/memory-failure.c", at="v4.14")
def me_huge_page(p: Page) -> u8:
    """Nothing is done about huge pages that could not be split."""
    return MF_DELAYED


@restates("mm/memory-failure.c", at="v4.14")
def me_unknown(p: Page) -> u8:
    """Nothing can be done: somebody has it isolated, for instance."""
    return MF_FAILED


@restates("mm/memory-failure.c", at="v4.14")
def me_pagecache_clean(p: Page) -> u8:
    """An anonymous page: it has been unmapped, and there is nothing else to do."""
    delete_from_lru_cache(p)
    if PageAnon(p):
        return MF_RECOVERED
    # it has been taken down meanwhile
    return MF_FAILED


@restates("mm/memory-failure.c", at="v4.14")
def me_pagecache_dirty(p: Page) -> u8:
    """The same. Omits: PG_error, what is done about files."""
    return me_pagecache_clean(p)


@restates("mm/memory-failure.c", at="v4.14")
def me_swapcache_dirty(p: Page) -> u8:
    """There is no other copy: the page stays in the swap cache, for faults to find it broken."""
    clear_page_flags(p, PG_dirty)
    clear_page_flags(p, PG_uptodate)
    if delete_from_lru_cache(p) == 0:
        return MF_DELAYED
    return MF_FAILED


@restates("mm/memory-failure.c", at="v4.14")
def me_swapcache_clean(p: Page) -> u8:
    """What is in the slot is as good: it will be read from there."""
    delete_from_swap_cache(p)
    if delete_from_lru_cache(p) == 0:
        return MF_RECOVERED
    return MF_FAILED


def error_states(flags: u32) -> PageState:
    """The first of error_states[] that matches a page's flags."""
    dirty = flags & PG_dirty != 0
    if flags & PG_head:
        return PageState.HUGE
    if flags & (PG_swapcache | PG_swapbacked) == PG_swapcache | PG_swapbacked:
        if dirty:
            return PageState.SWAPCACHE_DIRTY
        return PageState.SWAPCACHE_CLEAN
    # mlocked, unevictable, any other of the LRU
    if flags & (PG_mlocked | PG_unevictable | PG_lru):
        if dirty:
            return PageState.PAGECACHE_DIRTY
        return PageState.PAGECACHE_CLEAN
    return PageState.UNKNOWN


@restates("mm/memory-failure.c", at="v4.14")
def page_action(state: PageState, p: Page) -> int:
    """Do what can be done about a page; -EBUSY if somebody may still use it."""
    if state == PageState.HUGE:
        result = me_huge_page(p)
    elif state == PageState.SWAPCACHE_DIRTY:
        result = me_swapcache_dirty(p)
    elif state == PageState.SWAPCACHE_CLEAN:
        result = me_swapcache_clean(p)
    elif state == PageState.PAGECACHE_DIRTY:
        result = me_pagecache_dirty(p)
    elif state == PageState.PAGECACHE_CLEAN:
        result = me_pagecache_clean(p)
    else:
        result = me_unknown(p)
    count = page_count(p) - 1
    if state == PageState.SWAPCACHE_DIRTY and result == MF_DELAYED:
        count -= 1
    if count > 0:
        result = MF_FAILED
    if result in (MF_RECOVERED, MF_DELAYED):
        return 0
    return -EBUSY


@restates("mm/memory-failure.c", at="v4.14")
def get_hwpoison_page(page: Page) -> bool:
    """A reference to the page, or to the huge page it is part of, unless it is free."""
    head = compound_head(page)
    if MEMORY_FAILURE and has(FAILURE_LEAVES_NEW_PAGES_ALONE) and not PageLRU(head):
        # its owner may not expect anybody to lock it
        return False
    if PageTransHuge(head) and not PageAnon(head):
        # being allocated or freed
        return False
    if get_page_unless_zero(head):
        if head is compound_head(page):
            return True
        put_page(head)
    return False


@restates("mm/memory-failure.c", at="v4.14")
def hwpoison_user_mappings(p: Page, flags: u8, hpage: Page) -> bool:
    """Unmap the page everywhere, and tell whose data is lost; whether nothing maps it then.

    Omits: what is clean and in a file.
    """
    ttu = TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS
    if not PageLRU(hpage):
        return True
    # who has it swapped out is not told before he comes for it
    if not page_mapped(hpage):
        return True
    if NR_STABLE_NODES and PageKsm(p):
        # not handled: whose it is cannot be told by an anon_vma
        return False
    if PageSwapCache(p):
        # swap entries instead of poison entries: it is not known yet whether the slot is as good
        ttu |= TTU_IGNORE_HWPOISON
    tokill = ToKill()
    collect_procs(hpage, tokill, flags & MF_ACTION_REQUIRED != 0)
    unmap_success = try_to_unmap(hpage, ttu)
    # dirty bits of PTEs are the page's by now
    forcekill = PageDirty(hpage)
    if flags & MF_MUST_KILL:
        forcekill = True
    kill_procs(tokill, forcekill, not unmap_success, flags)
    return unmap_success


@restates("mm/memory-failure.c", at="v4.14")
def identify_page_state(p: Page, page_flags: u32) -> int:
    """Find out what the page is, or was before it was unmapped, and act.

    Omits: that its flags are read again for each state.
    """
    flags = p.flags
    state = error_states(flags)
    if state == PageState.UNKNOWN:
        again = p.flags
        state = error_states(page_flags | again & PG_dirty)
    return page_action(state, p)


@restates("mm/memory-failure.c", at="v4.14")
def memory_failure(pfn: u16, flags: u8) -> int:
    """A frame is broken: nobody is to reach it any more, and whose data is lost is told.

    Omits: draining caches that could free the page, taking the poison back.
    """
    p = pfn_to_page(pfn)
    if TestSetPageHWPoison(p):
        # somebody has seen to it, or has begun to
        if has(SECOND_FAILURE_PUTS_THE_PAGE) and flags & MF_COUNT_INCREASED:
            put_page(p)
        if has(SECOND_FAILURE_IS_AN_ERROR):
            return -EHWPOISON
        return 0
    hpage = compound_head(p)
    orig_head = hpage
    if not flags & MF_COUNT_INCREASED and not get_hwpoison_page(p):
        if is_free_buddy_page(p):
            return 0
        return -EBUSY
    # without a reference it may have been split, or become part of another, since
    if has(FAILURE_FINDS_HEAD_BY_REFERENCE):
        hpage = compound_head(p)
    if PageTransHuge(hpage):
        lock_page(p)
        if not PageAnon(p) or split_huge_page(p) != 0:
            unlock_page(p)
            # what tried to split it meanwhile may have taken it for broken, and unmapped it
            if not has(UNSPLIT_PAGE_STAYS_POISONED):
                ClearPageHWPoison(p)
            put_page(p)
            return -EBUSY
        unlock_page(p)
        assert page_count(p) != 0, "VM_BUG_ON_PAGE(!page_count(p), p)"
        hpage = compound_head(p)
    if not PageLRU(p) and is_free_buddy_page(p):
        return 0
    lock_page(p)
    if PageCompound(p) and compound_head(p) is not orig_head:
        unlock_page(p)
        return -EBUSY
    # unmapping may clear PG_mlocked
    page_flags = p.flags
    busy = PageLRU(p)
    if has(FAILURE_WAITS_FOR_WRITEBACK) and not busy:
        busy = PageWriteback(p)
    if busy:
        wait_on_page_writeback(p)
        if not hwpoison_user_mappings(p, flags, hpage):
            unlock_page(p)
            return -EBUSY
        # torn down by somebody else?
        if PageLRU(p) and not PageSwapCache(p) and p.mapping == 0:
            unlock_page(p)
            return -EBUSY
    res = identify_page_state(p, page_flags)
    unlock_page(p)
    return res


# ------------------------------------------------------------ who says that a frame is broken


@unlocked
def give_up(page: Page) -> None:
    """It is said that nobody reaches the page any more (checking)."""
    broken_frames[index_of(page)].given_up = 1


@restates("drivers/base/memory.c", at="v4.14")
def store_hard_offline_page(pfn: u16) -> int:
    """A frame's number was written to hard_offline_page in sysfs; or to hwpoison/corrupt-pfn."""
    ret = memory_failure(pfn, 0)
    if ret == 0:
        give_up(pfn_to_page(pfn))
    return ret


@restates("arch/x86/kernel/cpu/mcheck/mce.c", at="v4.14")
def do_machine_check(pfn: u16) -> int:
    """The caller's processor met a frame that is broken: it cannot go on with what it did."""
    ret = memory_failure(pfn, MF_ACTION_REQUIRED)
    if ret == 0:
        give_up(pfn_to_page(pfn))
    else:
        send_signal(this_task(), SIGBUS)
    return ret


# --------------------------------------------------------------------------------- soft offline


@restates("mm/memory-failure.c", at="v4.14")
def new_page(page: Page, private: u32, pm: PageToNode) -> Page:
    """A page to move to, on the same node if there is room."""
    return new_page_nodemask(page, page_to_nid(page), ALL_NODES)


@restates("mm/memory-failure.c", at="v4.14")
def __get_any_page(page: Page, flags: u8) -> int:
    """1 with a reference; 0 if the page is free; an error if it is neither."""
    if flags & MF_COUNT_INCREASED:
        return 1
    if get_hwpoison_page(page):
        return 1
    if is_free_buddy_page(page):
        return 0
    return -EIO


@restates("mm/memory-failure.c", at="v4.14")
def get_any_page(page: Page, flags: u8) -> int:
    """The same; what is on no LRU is not touched. Omits: draining caches that could."""
    ret = __get_any_page(page, flags)
    if ret == 1 and not PageLRU(page):
        put_page(page)
        ret = __get_any_page(page, 0)
        if ret == 1 and not PageLRU(page):
            put_page(page)
            return -EIO
    return ret


@restates("mm/memory-failure.c", at="v4.14")
def __soft_offline_page(page: Page) -> int:
    """Move a base page away, and poison its frame. Takes the caller's reference.

    migrate_pages() is told why, and sets the flag itself, as soon as it has given the page up.
    """
    lock_page(page)
    if PageHWPoison(page):
        unlock_page(page)
        put_page(page)
        return -EBUSY
    unlock_page(page)
    ret = isolate_lru_page(page) if PageLRU(page) else -EBUSY
    put_page(page)
    if ret != 0:
        return ret
    pagelist = PageList()
    mod_node_page_state(NR_ISOLATED_ANON, 1)
    list_add_page(pagelist, page)
    if migrate_pages(pagelist, new_page, 0, NULL, MIGRATE_SYNC) != 0:
        putback_movable_pages(pagelist)
        return -EIO
    TestSetPageHWPoison(page)
    return 0


@restates("mm/memory-failure.c", at="v5.1")
def soft_offline_in_use_page(page: Page) -> int:
    """Move a page away, of a huge page after splitting it. Takes the caller's reference."""
    if PageTransHuge(compound_head(page)):
        # The reference and the lock stay with the page that is given, whatever part it is.
        lock_page(page)
        if not PageAnon(page) or split_huge_page(page) != 0:
            unlock_page(page)
            put_page(page)
            return -EBUSY
        unlock_page(page)
    return __soft_offline_page(page)


@soft_offline_in_use_page.before(SOFT_OFFLINE_PINS_THE_PAGE, at="v4.14")
def soft_offline_in_use_page_by_its_head(page: Page) -> int:
    """The same; the split leaves the reference with the head, and nothing with the page itself."""
    hpage = compound_head(page)
    if PageTransHuge(hpage):
        lock_page(hpage)
        if not PageAnon(hpage) or split_huge_page(hpage) != 0:
            unlock_page(hpage)
            put_page(hpage)
            return -EBUSY
        unlock_page(hpage)
        get_hwpoison_page(page)
        put_page(hpage)
    return __soft_offline_page(page)


@restates("mm/memory-failure.c", at="v4.14")
def soft_offline_page(page: Page, flags: u8) -> int:
    """A frame is about to break: move what it holds, and never use it again."""
    if PageHWPoison(page):
        if flags & MF_COUNT_INCREASED:
            put_page(page)
        return -EBUSY
    ret = get_any_page(page, flags)
    if ret > 0:
        return soft_offline_in_use_page(page)
    if ret == 0:
        TestSetPageHWPoison(page)
    return ret
