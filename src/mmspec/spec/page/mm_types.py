"""The structures of include/linux/mm_types.h, rmap.h and mmzone.h, and the memory they live in.

Lists and trees that only order their members are short linked lists here.
"""

from __future__ import annotations

from mmspec.lang import (
    Array,
    Pool,
    Struct,
    array,
    counter,
    embedded,
    guarded,
    i8,
    i16,
    i32,
    immutable,
    pointers,
    pool,
    static,
    u8,
    u16,
    u32,
    u64,
    volatile,
    written_under,
)
from mmspec.spec.machine.locks import RwSemaphore, SpinLock, TriedSemaphore
from mmspec.spec.machine.sizes import (
    NR_ANON_VMAS,
    NR_AVCS,
    NR_BROKEN,
    NR_GUESTS,
    NR_MM_SLOTS,
    NR_MMS,
    NR_PAGES,
    NR_RMAP_ITEMS,
    NR_SIGNALS,
    NR_STABLE_NODES,
    NR_SWAP_SLOTS,
    NR_TABLES,
    NR_TASKS,
    NR_USERFAULTFDS,
    NR_VMAS,
    PTRS_PER_PMD,
    PTRS_PER_PTE,
    USER_PAGES,
)


class Page(Struct):
    """struct page. Which word means what depends on the page's place in a compound.

    mapping: its low half, as an atomic_t in it would read it. Of a head the anon_vma, or KSM's
    stable node, with low bits as flags; of the first tail the compound mapcount; of the second tail
    the next pointer of the deferred list (index: the previous); of other tails TAIL_MAPPING.
    compound_head: of a tail, one more than the head's number, and 0 of all others. order: of a
    head. buddy: free. data: what the frame holds, one byte for all of it. moved belongs to
    checking: it has been copied to another frame, which takes its place.
    """

    flags: u32
    _refcount: i16
    _mapcount: i16
    mapping: i32
    index: u32
    private: u16
    compound_head: u16
    order: u8
    buddy: u8
    data: u8
    moved: u8


class Pte(Struct):
    """A slot of a page table: the processor walks it, and sets accessed and dirty, at any time."""

    val: u64 = volatile("owner.ptl")


class PageTable(Struct):
    """A PTE table. live: in use; next: in a list of deposited or free ones."""

    ptl: SpinLock = embedded()
    pte: Array[Pte] = array(PTRS_PER_PTE)
    live: u8
    next: PageTable


class Pmd(Struct):
    """A slot of the PMD table."""

    val: u64 = volatile("owner.ptl")


class PmdTable(Struct):
    """The PMD table of an address space, with the list of deposited PTE tables."""

    ptl: SpinLock = embedded()
    pmd: Array[Pmd] = array(PTRS_PER_PMD)
    pmd_huge_pte: PageTable = guarded("ptl")


class AnonVma(Struct):
    """struct anon_vma. rb_root: its chains, in the order of the interval tree."""

    root: AnonVma = immutable()
    parent: AnonVma = immutable()
    refcount: u8
    degree: u8 = guarded("root.rwsem")
    rwsem: TriedSemaphore = embedded()
    rb_root: AnonVmaChain = guarded("root.rwsem")
    used: u8


class AnonVmaChain(Struct):
    """struct anon_vma_chain: one VMA under one anon_vma. Both lists run through it."""

    vma: Vma = immutable()
    anon_vma: AnonVma = immutable()
    same_vma: AnonVmaChain
    rb_next: AnonVmaChain = guarded("anon_vma.root.rwsem")
    used: u8


class Vma(Struct):
    """struct vm_area_struct; addresses in bytes."""

    vm_mm: Mm = immutable()
    vm_start: u32 = immutable()
    vm_end: u32 = immutable()
    vm_pgoff: u16 = immutable()
    vm_page_prot: u64 = written_under("vm_mm.mmap_sem")
    vm_flags: u32 = written_under("vm_mm.mmap_sem")
    anon_vma: AnonVma
    anon_vma_chain: AnonVmaChain
    vm_next: Vma = written_under("vm_mm.mmap_sem")
    vm_policy: u8 = written_under("vm_mm.mmap_sem")
    used: u8


class Mm(Struct):
    """struct mm_struct. rss by MM_FILEPAGES and so on.

    vm_hugepage: MMF_VM_HUGEPAGE, khugepaged may look at it; mm_slot: it is on khugepaged's list.
    core_state: being dumped. oom_victim: chosen to be killed, so that its memory may be reaped.
    last_store, zapped, moved and pinned belong to checking: what a load of each user page must
    return; the frame (plus one) that was unmapped there but may still be in a TLB; if it was moved,
    the user page (plus one) that it is at now; and the frame that was pinned there, until it is
    unmapped for good.
    """

    mm_users: u8
    mm_count: u8
    flags: u8
    write_protect_seq: u8
    vm_hugepage: u8 = immutable()
    mm_slot: u8
    oom_victim: u8 = immutable()
    core_state: u8 = written_under("mmap_sem")
    mmap_sem: RwSemaphore = embedded()
    page_table_lock: SpinLock = embedded()
    pgd: PmdTable = embedded()
    mmap: Vma = written_under("mmap_sem")
    rss: Array[i16] = array(4, counter())
    nr_ptes: i16 = counter()
    tlb_flush_batched: u16
    tlb_flush_pending: u8
    last_store: Array[u8] = array(USER_PAGES)
    zapped: Array[u16] = array(USER_PAGES)
    pinned: Array[u16] = array(USER_PAGES)
    moved: Array[u16] = array(USER_PAGES)


class TaskStruct(Struct):
    """A task, always on the CPU of its number. flush_required, writable: its batch of unmapped
    pages.

    pin: the page that a device uses for it. held_in and held belong to checking: the frame (plus
    one) that was pinned last, and what the process had in it last.
    """

    mm: Mm
    flush_required: u8
    writable: u8
    pin: Page
    held_in: u16
    held: u8


class Cpu(Struct):
    """A processor. Its TLB: for each user page the PTE as cached, for each huge page the PMD."""

    irqs_off: u8
    small: Array[u64] = array(USER_PAGES)
    huge: Array[u64] = array(PTRS_PER_PMD)


class Kvm(Struct):
    """struct kvm: a guest whose memory is that of a process.

    spte: the guest's page table, one entry for each user page, with what is in its TLB.
    mmu_notifier_seq: whether it has changed since the guest's one processor began to fault.
    """

    mm: Mm = immutable()
    mmu_lock: SpinLock = embedded()
    mmu_notifier_count: u8 = guarded("mmu_lock")
    mmu_notifier_seq: bool
    spte: Array[u64] = array(USER_PAGES, written_under("mmu_lock"))


class HugeZeroPage(Struct):
    """huge_zero_page, and huge_zero_refcount: its users, and one that is for the shrinker."""

    page: Page
    refcount: u8


class UserfaultWait(Struct):
    """struct userfaultfd_wait_queue of a task: where it has faulted (0: it has not), and whether it
    has been woken since.
    """

    address: u32
    waken: u8


class Userfaultfd(Struct):
    """struct userfaultfd_ctx. protected belongs to checking: pages that UFFDIO_WRITEPROTECT has
    protected, and nobody has unprotected yet.
    """

    mm: Mm = immutable()
    wait: Array[UserfaultWait] = array(NR_TASKS)
    protected: Array[u8] = array(USER_PAGES)


class MmSlot(Struct):
    """struct mm_slot: an address space that ksmd is to look at; NULL: a free one.

    rmap_list: what is known of its addresses, in their order.
    """

    mm: Mm
    rmap_list: RmapItem = written_under("owner.thread_mutex")


class RmapItem(Struct):
    """struct rmap_item: an address that ksmd has looked at.

    address: with flags in its low bits. head, hlist: of the stable tree, the node that it hangs
    off, and what hangs off the same one behind it. node: of the unstable tree, what is behind it.
    """

    rmap_list: RmapItem = guarded("owner.thread_mutex")
    anon_vma: AnonVma = written_under("owner.thread_mutex")
    mm: Mm = written_under("owner.thread_mutex")
    address: u32 = written_under("owner.thread_mutex")
    oldchecksum: u16 = guarded("owner.thread_mutex")
    head: StableNode = guarded("owner.thread_mutex")
    hlist: RmapItem = written_under("owner.thread_mutex")
    node: RmapItem = guarded("owner.thread_mutex")
    used: u8 = guarded("owner.thread_mutex")


class StableNode(Struct):
    """struct stable_node: a page that others have been merged into, and where it is mapped."""

    hlist: RmapItem = written_under("owner.thread_mutex")
    kpfn: u16
    rmap_hlist_len: u8 = guarded("owner.thread_mutex")
    used: u8 = guarded("owner.thread_mutex")


class Ksm(Struct):
    """What is static in mm/ksm.c. thread_mutex: ksm_thread_mutex; what ksm_mmlist_lock guards is
    done in one step. The stable tree is all of its nodes; the unstable tree is a list.

    mm_slot, address, rmap_list, seqnr: struct ksm_scan, the cursor. mm_slot is NULL before the
    first one; rmap_list is the item that was found last, NULL before the first.
    """

    thread_mutex: SpinLock = embedded()
    mm_slot: MmSlot
    address: u32 = guarded("thread_mutex")
    rmap_list: RmapItem = guarded("thread_mutex")
    seqnr: u8 = guarded("thread_mutex")
    unstable_tree: RmapItem = guarded("thread_mutex")
    mm_slots: Array[MmSlot] = array(NR_MM_SLOTS)
    rmap_items: Array[RmapItem] = array(NR_RMAP_ITEMS)
    stable_nodes: Array[StableNode] = array(NR_STABLE_NODES)


class Signal(Struct):
    """What memory_failure() has sent to a task: SIGBUS, SIGKILL."""

    sent: u8


class BrokenFrame(Struct):
    """Of each frame, where frames break. given_up belongs to checking: who said that it is broken
    has been told that nobody reaches it any more.
    """

    given_up: u8


class SwapInfo(Struct):
    """The one swap file, with its swap cache.

    swap_map: how many entries name each slot, and SWAP_HAS_CACHE; slot 0 is the file's header.
    huge: of the first slot of a huge page. page: the swap cache. data: what a slot holds, one byte.
    """

    swap_map: Array[u8] = array(NR_SWAP_SLOTS)
    huge: Array[u8] = array(NR_SWAP_SLOTS)
    tree_lock: SpinLock = embedded()
    page: Array[Page] = pointers(NR_SWAP_SLOTS, written_under("tree_lock"))
    data: Array[u8] = array(NR_SWAP_SLOTS)


class Pglist(Struct):
    """struct pglist_data, one for both nodes: locks and lists of memory.

    isolated_start, isolated_end: frames that are being taken offline; they are not allocated.
    """

    lru_lock: SpinLock = embedded()
    split_queue_lock: SpinLock = embedded()
    split_queue_next: u32 = guarded("split_queue_lock")
    split_queue_prev: u32 = guarded("split_queue_lock")
    split_queue_len: i8 = guarded("split_queue_lock")
    isolated_start: u16
    isolated_end: u16
    stat: Array[i16] = array(5, counter())


mem_map: Pool[Page] = pool(Page, NR_PAGES)
page_tables: Pool[PageTable] = pool(PageTable, NR_TABLES)
anon_vmas: Pool[AnonVma] = pool(AnonVma, NR_ANON_VMAS)
anon_vma_chains: Pool[AnonVmaChain] = pool(AnonVmaChain, NR_AVCS)
vmas: Pool[Vma] = pool(Vma, NR_VMAS)
mms: Pool[Mm] = pool(Mm, NR_MMS)
tasks: Pool[TaskStruct] = pool(TaskStruct, NR_TASKS)
cpus: Pool[Cpu] = pool(Cpu, NR_TASKS)
kvms: Pool[Kvm] = pool(Kvm, NR_GUESTS)
userfaultfds: Pool[Userfaultfd] = pool(Userfaultfd, NR_USERFAULTFDS)
signals: Pool[Signal] = pool(Signal, NR_SIGNALS)
broken_frames: Pool[BrokenFrame] = pool(BrokenFrame, NR_BROKEN)
pgdat: Pglist = static(Pglist)
huge_zero: HugeZeroPage = static(HugeZeroPage)
swap_info: SwapInfo = static(SwapInfo)
ksm: Ksm = static(Ksm)

MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES = 0, 1, 2, 3
NR_ANON_MAPPED, NR_ANON_THPS, NR_ISOLATED_ANON, NR_MLOCK, NR_FILE_MAPPED = 0, 1, 2, 3, 4

MMF_HUGE_ZERO_PAGE, MMF_HAS_PINNED, MMF_OOM_SKIP, MMF_UNSTABLE = 1, 2, 4, 8
MMF_VM_MERGEABLE = 16

VM_READ, VM_WRITE, VM_EXEC, VM_SHARED = 0x1, 0x2, 0x4, 0x8
VM_GROWSDOWN = 0x100
VM_UFFD_MISSING, VM_UFFD_WP = 0x200, 0x1000
VM_LOCKED = 0x2000
VM_SEQ_READ, VM_RAND_READ = 0x8000, 0x10000
VM_STACK_INCOMPLETE_SETUP = VM_RAND_READ | VM_SEQ_READ
VM_NOHUGEPAGE = 0x40000000
VM_MERGEABLE = 0x80000000

#: no node in particular
NUMA_NO_NODE = -1

EPERM, ENOENT, EIO, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY, EEXIST, EINVAL, EHWPOISON = (
    1,
    2,
    5,
    11,
    12,
    13,
    14,
    16,
    17,
    22,
    133,
)
