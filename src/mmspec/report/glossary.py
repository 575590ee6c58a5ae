"""What the words of a report mean, for those who are new to mm/."""

from __future__ import annotations

#: Sections of the legend: a heading, and its terms with what they mean.
LEGEND: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Reading this page",
        (
            (
                "step",
                "What one CPU does before any other may come in between: an access to shared "
                "memory, and what follows up to the next one that others can see.",
            ),
            (
                "CPU0, CPU1",
                "The tasks that run at the same time. Each has a colour, and stays on its CPU.",
            ),
            (
                "set-up",
                "What was done before the first step, by one task alone; not shown.",
            ),
            (
                "key step",
                "A step that another task notices, or that the violation speaks of. Other steps "
                "are folded until they are asked for.",
            ),
            (
                "lane",
                "One field over time, from left to right; a coloured stretch has the colour of the "
                "CPU that wrote it, a grey one was there after the set-up.",
            ),
            (
                "property",
                "A sentence that must hold in every state, or that the kernel checks itself.",
            ),
            (
                "page 3, mm 0, table 1",
                "Objects are numbered: page 3 is the struct page of frame (pfn) 3.",
            ),
            (
                "subpages",
                "Interleavings multiply, so huge pages are small here: a few subpages, not 512.",
            ),
        ),
    ),
    (
        "Page tables",
        (
            (
                "PTE",
                "Page-table entry: maps one small page (4 KiB), or says where it is.",
            ),
            (
                "PMD",
                "Entry one level above (page middle directory): points to a table of PTEs, or maps "
                "a whole huge page itself.",
            ),
            ("pmd[0], pte[1]", "The entry's index in its table."),
            ("table", "A PTE table. Each huge PMD has one deposited, for when it is split."),
            ("live", "Of a table: in use."),
            ("next", "Of a table: the next in a list of deposited or free ones."),
            ("pmd_huge_pte", "The first of the deposited PTE tables."),
            ("pfn", "Page frame number: which page of physical memory."),
            (
                "present, writable, dirty, accessed",
                "Bits of an entry, which the processor obeys, and sets when memory is used.",
            ),
            ("soft-dirty", "A second dirty bit, for checkpointing: a program may clear it."),
            (
                "not present",
                "Invalidated for the processor, but still a huge page for the kernel (PSE set).",
            ),
            ("protnone", "The processor may not use it, so that the next access is noticed."),
            (
                "migration entry",
                "Not a mapping, but a note in a PTE or PMD: this page is being moved (or split); "
                "wait until it is unlocked. Read or write: what the mapping allowed.",
            ),
            ("swap entry", "The page is in swap, in that slot."),
            ("TLB", "Translation lookaside buffer: a CPU's cache of PTEs and PMDs."),
            ("small[k], huge[k]", "What a TLB holds for user page k, and for huge page k."),
            ("irqs_off", "The CPU has its interrupts off: who flushes its TLB waits for it."),
            ("spte[k]", "A guest's own page table, with what is in its TLB."),
            (
                "mmu_notifier_count, mmu_notifier_seq",
                "Of a guest: page tables are being changed; they have been, since its fault began.",
            ),
        ),
    ),
    (
        "Pages",
        (
            ("THP", "Transparent huge page: many pages in a row, mapped by one PMD."),
            (
                "compound page",
                "A head page and its tails, used as one. Splitting makes them pages of their own.",
            ),
            ("compound_head", "Of a tail: its head (number plus one). 0 of all others."),
            ("order", "Of a head: the compound has 2 to the power of this many pages."),
            (
                "refcount",
                "How many references a page has. At 0 it is free, or frozen by a split.",
            ),
            ("mapcount", "How many PTEs map the page."),
            ("compound_mapcount", "How many PMDs map a huge page; it is kept in the first tail."),
            (
                "flags",
                "locked, referenced, uptodate, dirty, lru (on a reclaim list), active, swapcache, "
                "private_2 (double map: mapped by PMDs and PTEs), writeback, head, swapbacked "
                "(anonymous), unevictable, mlocked, hwpoison (broken memory).",
            ),
            (
                "mapping",
                "Whose the page is: an anon_vma. In tails the word has other uses, one of them "
                "TAIL_MAPPING, which marks it unused.",
            ),
            ("index", "Where in its object the page is, in pages."),
            ("private", "The swap slot of a page in the swap cache."),
            ("buddy", "1: the page is free, and in the buddy allocator."),
            ("data", "What the page holds: one byte stands for all of it."),
            ("moved", "Kept for checking only: another page holds a copy, and takes its place."),
            (
                "given_up",
                "Kept for checking only: it is broken, and nobody is to reach it any more.",
            ),
        ),
    ),
    (
        "Processes and memory",
        (
            ("mm", "An address space: struct mm_struct."),
            ("VMA", "struct vm_area_struct: a range of an address space, as mmap made it."),
            ("vm_start, vm_end", "Of a VMA: where it begins and ends, in bytes."),
            (
                "vm_mm, vm_pgoff, vm_page_prot, vm_flags",
                "Of a VMA: its address space, offset in pages, the bits of new PTEs, VM_READ...",
            ),
            ("vm_next, mmap", "The list of an address space's VMAs."),
            ("vm_policy", "The nodes that mbind() chose for a VMA."),
            (
                "anon_vma",
                "The object through which all VMAs that may map an anonymous page are found.",
            ),
            (
                "root, parent",
                "Of an anon_vma: the one that was there before any fork; before the last.",
            ),
            ("avc", "anon_vma_chain: ties one VMA to one anon_vma."),
            (
                "anon_vma_chain, same_vma",
                "The list of a VMA's chains.",
            ),
            ("rb_root, rb_next", "The chains of an anon_vma, as the rmap visits them."),
            ("rmap", "Reverse map: from a page to the entries that map it, through anon_vma."),
            ("degree, refcount", "Of an anon_vma: its children and VMAs; its references."),
            ("rss[0..3]", "Pages an address space counts: file, anonymous, swapped, shared."),
            ("nr_ptes", "PTE tables that an address space counts."),
            ("stat[0..4]", "A node's counts of pages: mapped, huge, isolated, mlocked, file."),
            ("mm_users", "Tasks that share the address space."),
            ("mm_count", "References to an address space's structure: its users have one, others."),
            ("sent", "What memory_failure() has sent to a task: 1 for SIGBUS, 2 for SIGKILL."),
            ("write_protect_seq", "Odd while a fork makes an address space's pages read-only."),
            ("oom_victim", "The address space is to be killed, and may be reaped at once."),
            ("pin, writable", "The page that a device uses for a task; whether it may write."),
            (
                "pinned[k], held_in, held",
                "Kept for checking only: the frame that is pinned at user page k; what a process "
                "has stored in the page that it has pinned.",
            ),
            ("page", "Of the huge zero page: its head. Of swap: which page holds a slot."),
            ("wait, address, waken", "Who waits for a userfaultfd: where; whether it was woken."),
            ("protected[k]", "User page k is protected from stores by a userfaultfd."),
            ("isolated_start, isolated_end", "Frames that are being taken offline."),
            ("event[k]", "What /proc/vmstat counts."),
            ("mm_slot, vm_hugepage", "An address space is on khugepaged's list; or was put there."),
            ("core_state", "A core dump of the address space is being written."),
            ("used", "Whether this instance is allocated."),
            (
                "last_store[k], zapped[k]",
                "Kept for checking only: what a load of user page k must return; the frame that "
                "was unmapped there but may still be in a TLB.",
            ),
            (
                "pgdat",
                "A memory node's data: locks, lists, statistics.",
            ),
            (
                "split_queue_next, split_queue_prev, split_queue_len",
                "Huge pages that are no longer mapped whole, queued to be split under memory "
                "pressure: a list, and its length.",
            ),
            ("swap_map[k]", "How many entries name swap slot k."),
            ("flush_required", "A task's batch of unmapped pages must still be flushed from TLBs."),
            ("tlb_flush_batched", "The same, as the address space knows it."),
            (
                "tlb_flush_pending",
                "How many are changing protections in an address space, and have not flushed yet.",
            ),
        ),
    ),
    (
        "Locks",
        (
            ("ptl", "Page-table lock: of one PTE table, or of a PMD table."),
            ("page lock", "The PG_locked flag; a huge page has one, in its head."),
            ("mmap_sem", "Protects the VMAs of an address space; faults take it shared."),
            ("rwsem", "Of an anon_vma: protects its tree of VMAs."),
            ("page_table_lock", "Of an address space: when tables are put in place."),
            ("lru_lock, split_queue_lock", "Of a node: its lists."),
            ("tree_lock", "Of the swap cache: which page holds which slot."),
            ("mmu_lock", "Of a guest: its own page table."),
            ("rcu", "Read-side sections under way: what they see is not freed yet."),
            ("shared", "Held by any number of readers; otherwise by one task alone."),
        ),
    ),
)


def terms() -> dict[str, str]:
    """Every single word that is explained, in small letters."""
    found: dict[str, str] = {}
    for _, entries in LEGEND:
        for names, text in entries:
            for name in names.split(", "):
                found.setdefault(name.partition("[")[0].lower(), text)
    return found


def meaning(field: str) -> str:
    """What a field or an object is; empty if the legend does not say."""
    known = terms()
    return known.get(field.lstrip("_").partition("[")[0].lower(), "")
