"""Sizes of the machine and of user memory.

A huge page has 1 << `order` subpages (9 on real hardware; small here, because interleavings
multiply). Everything that depends on the size does so through these names, as in the kernel.
"""

from __future__ import annotations

from mmspec.lang import derived, param

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)

HPAGE_PMD_ORDER: int = param("order", 2)
HPAGE_PMD_NR: int = derived(lambda: 1 << HPAGE_PMD_ORDER)
PTRS_PER_PTE: int = derived(lambda: 1 << HPAGE_PMD_ORDER)
PMD_SHIFT: int = derived(lambda: PAGE_SHIFT + HPAGE_PMD_ORDER)
HPAGE_PMD_SIZE: int = derived(lambda: PAGE_SIZE << HPAGE_PMD_ORDER)
HPAGE_PMD_MASK: int = derived(lambda: ~((PAGE_SIZE << HPAGE_PMD_ORDER) - 1))

#: PMD entries of an address space, and so huge pages it can map.
PTRS_PER_PMD: int = param("pmds", 1)
#: User addresses start above the first huge page, so that 0 is never one.
USER_BASE: int = derived(lambda: PAGE_SIZE << HPAGE_PMD_ORDER)
USER_PAGES: int = derived(lambda: PTRS_PER_PMD << HPAGE_PMD_ORDER)
USER_END: int = derived(lambda: (PAGE_SIZE << HPAGE_PMD_ORDER) * (PTRS_PER_PMD + 1))

#: Pages that an mmu_gather collects before it must flush; by default more than there are.
_BATCH: int = param("mmu_batch", 0)
MMU_GATHER_BATCH: int = derived(lambda: int(_BATCH) or (PTRS_PER_PMD << HPAGE_PMD_ORDER) + 1)

#: Page frames, on two nodes: the first half is node 0.
NR_FRAMES: int = param("frames", 16)
FRAMES_PER_NODE: int = derived(lambda: NR_FRAMES // 2)
NR_NODES = 2
#: The zero page is part of the kernel's image: a frame of no node.
ZERO_PFN: int = derived(lambda: int(NR_FRAMES))
NR_PAGES: int = derived(lambda: NR_FRAMES + 1)
#: Whether read faults map zero pages; without them they map pages of their own.
USE_ZERO_PAGE: int = param("use_zero_page", 0)

NR_TASKS: int = param("tasks", 2)
NR_MMS: int = param("mms", 2)
NR_VMAS: int = param("vmas", 2)
NR_ANON_VMAS: int = param("anon_vmas", 2)
NR_AVCS: int = param("avcs", 3)
NR_TABLES: int = param("tables", 4)
NR_SWAP_SLOTS: int = param("swap_slots", 1)
#: Guests, each with an MMU of its own that follows an address space. Without one MMU notifiers have
#: nobody to call, and are no steps.
NR_GUESTS: int = param("guests", 0)
#: Address spaces whose faults may be served by a userfaultfd.
NR_USERFAULTFDS: int = param("userfaultfds", 0)
#: Frames that KSM may have merged others into, each a node of its stable tree. Without one there is
#: no KSM. Addresses that it knows, and address spaces.
NR_STABLE_NODES: int = param("stable_nodes", 0)
NR_RMAP_ITEMS: int = param("rmap_items", 0)
NR_MM_SLOTS: int = derived(lambda: int(NR_MMS) if NR_STABLE_NODES else 0)
#: Whether pages are pinned; where none is, fork and flushes need not look for those who do.
PINS: int = param("pins", 0)
#: Whether frames break (CONFIG_MEMORY_FAILURE); where none does, nothing looks for one that has.
MEMORY_FAILURE: int = param("memory_failure", 0)
NR_BROKEN: int = derived(lambda: (NR_FRAMES + 1) * MEMORY_FAILURE)
NR_SIGNALS: int = derived(lambda: NR_TASKS * MEMORY_FAILURE)
#: How often migrate_pages() tries pages that were busy: 10 in every release.
MIGRATE_PASSES: int = param("migrate_passes", 10)
