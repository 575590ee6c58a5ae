"""References and mapping counts of a page (include/linux/mm.h, page_ref.h, mm/util.c).

Counts of several words are summed word by word, as the kernel does, with no lock.
"""

from __future__ import annotations

from mmspec.kernels.changes import NO_FAULT_IN_REAPED_MEMORY
from mmspec.lang import (
    NULL,
    asserting,
    atomic,
    bug,
    commuting,
    has,
    i16,
    i32,
    index_of,
    restates,
    this_task,
    u8,
    u16,
    u32,
)
from mmspec.spec.machine.sizes import (
    FRAMES_PER_NODE,
    HPAGE_PMD_NR,
    NR_NODES,
    NR_STABLE_NODES,
    PAGE_SHIFT,
)
from mmspec.spec.page.mm_types import (
    MMF_UNSTABLE,
    AnonVma,
    Mm,
    Page,
    Vma,
    anon_vmas,
    mem_map,
    pgdat,
)
from mmspec.spec.page.page_flags import (
    PAGE_MAPPING_ANON,
    PAGE_MAPPING_FLAGS,
    PageCompound,
    PageDoubleMap,
    PageTail,
    PageTransHuge,
    PG_head,
    compound_head,
)

#: What change_protection() is for, beside mprotect(2).
MM_CP_PROT_NUMA, MM_CP_UFFD_WP, MM_CP_UFFD_WP_RESOLVE = 2, 4, 8

# ------------------------------------------------------------------------------- addresses
# Pointers that are stored in words of struct page, as numbers: a page's struct, an anon_vma.

STRUCT_PAGE_SIZE = 0x40
MEM_MAP_ADDRESS = 0x10000
ANON_VMA_SIZE = 0x100
ANON_VMA_ADDRESS = 0x1000


def page_to_pfn(page: Page) -> u16:
    """The number of the page's frame."""
    return index_of(page)


def pfn_to_page(pfn: u32) -> Page:
    """The page of a frame."""
    return mem_map[pfn]


@restates("include/linux/mm.h", at="v4.14")
def page_to_nid(page: Page) -> u8:
    """The node that the page's memory is on."""
    return index_of(page) // FRAMES_PER_NODE


@restates("include/linux/topology.h", at="v4.14")
def numa_node_id() -> u8:
    """The node of the processor that executes this: processors take turns on nodes."""
    return this_task() % NR_NODES


def anon_vma_address(anon_vma: AnonVma) -> u32:
    """An anon_vma as a number, with the low bits free."""
    return ANON_VMA_ADDRESS + index_of(anon_vma) * ANON_VMA_SIZE


def anon_vma_at(address: i32) -> AnonVma:
    """The anon_vma at an address; anything else is a wild pointer."""
    if address < ANON_VMA_ADDRESS:
        return NULL
    offset: u32 = address - ANON_VMA_ADDRESS
    return anon_vmas[offset // ANON_VMA_SIZE]


# ---------------------------------------------------------------------------------- warnings


@restates("include/linux/mmdebug.h", at="v5.13")
def VM_WARN_ON_ONCE_PAGE(condition: bool, page: Page) -> None:
    """With CONFIG_DEBUG_VM, complain and go on."""
    if asserting() and condition:
        bug("WARNING", "VM_WARN_ON_ONCE_PAGE", page)


# ------------------------------------------------------------------------------ references

#: What a pin adds to a page's references, so that it can be told from others.
GUP_PIN_COUNTING_BIAS = 1024


@atomic
def page_ref_count(page: Page) -> i16:
    """This very page's count: 0 for a tail."""
    return page._refcount


@restates("include/linux/page_ref.h", at="v4.14")
def page_count(page: Page) -> i16:
    """References to the page, or to the compound it is part of."""
    return compound_head(page)._refcount


@atomic
def page_ref_inc(page: Page) -> None:
    """One more reference."""
    page._refcount += 1


@atomic
def page_ref_add(page: Page, nr: i16) -> None:
    """`nr` more references."""
    page._refcount += nr


@atomic
def page_ref_sub(page: Page, nr: i16) -> None:
    """`nr` references less; never the last."""
    page._refcount -= nr
    assert page._refcount > 0, "VM_BUG_ON_PAGE(page_ref_count(page) <= 0)"


@atomic
def page_ref_freeze(page: Page, count: i16) -> bool:
    """Take the count from `count` to 0, so that nobody can get a reference."""
    if page._refcount != count:
        return False
    page._refcount = 0
    return True


@atomic
def page_ref_unfreeze(page: Page, count: i16) -> None:
    """Give the references back."""
    assert page._refcount == 0, "VM_BUG_ON_PAGE(page_count(page) != 0)"
    page._refcount = count


@atomic
def get_page_unless_zero(page: Page) -> bool:
    """A reference, unless the page is free or frozen. Of a tail there is none to get."""
    if page._refcount == 0:
        return False
    page._refcount += 1
    return True


@atomic
def put_page_testzero(page: Page) -> bool:
    """Drop a reference; whether it was the last."""
    assert page._refcount != 0, "VM_BUG_ON_PAGE(page_ref_count(page) == 0)"
    page._refcount -= 1
    return page._refcount == 0


@atomic
def page_ref_sub_and_test(page: Page, nr: i16) -> bool:
    """Drop `nr` references; whether they were the last."""
    assert page._refcount >= nr, "VM_BUG_ON_PAGE(page_ref_count(page) <= 0)"
    page._refcount -= nr
    return page._refcount == 0


@atomic
def _get_page(page: Page) -> None:
    assert page._refcount > 0, "VM_BUG_ON_PAGE(page_ref_count(page) <= 0)"
    page._refcount += 1


@restates("include/linux/mm.h", at="v4.14")
def get_page(page: Page) -> None:
    """One more reference, by somebody who is sure that there is one already."""
    _get_page(compound_head(page))


@restates("include/linux/mm.h", at="v5.6")
def page_maybe_dma_pinned(page: Page) -> bool:
    """Whether a device may write to the page: never wrongly no."""
    return page_count(page) >= GUP_PIN_COUNTING_BIAS


# -------------------------------------------------------------------------- mapping counts


@atomic
def compound_mapcount(page: Page) -> i32:
    """PMD mappings. The count lies in the first tail's `mapping` word."""
    assert page.flags & PG_head or page.compound_head, "VM_BUG_ON_PAGE(!PageCompound(page))"
    return (compound_head(page) + 1).mapping + 1


@atomic
def compound_mapcount_dec(page: Page) -> bool:
    """One PMD mapping less; whether it was the last.

    The word is that of the page after `page`: right only for a head.
    """
    (page + 1).mapping -= 1
    return (page + 1).mapping < 0


@atomic
def compound_mapcount_inc_and_test(page: Page) -> bool:
    """One PMD mapping more; whether it is the first."""
    (page + 1).mapping += 1
    return (page + 1).mapping == 0


@atomic
def mapcount_inc(page: Page) -> None:
    """One PTE mapping more."""
    page._mapcount += 1


@atomic
def mapcount_inc_and_test(page: Page) -> bool:
    """One PTE mapping more; whether it is the first."""
    page._mapcount += 1
    return page._mapcount == 0


@atomic
def mapcount_dec(page: Page) -> None:
    """One PTE mapping less."""
    page._mapcount -= 1


@atomic
def mapcount_add_negative(page: Page) -> bool:
    """One PTE mapping less; whether it was the last."""
    page._mapcount -= 1
    return page._mapcount < 0


@restates("include/linux/mm.h", at="v4.14")
def page_mapcount(page: Page) -> i32:
    """Mappings of this page, by PTEs and, with its compound, by PMDs."""
    count = page._mapcount + 1
    if PageCompound(page):
        head = compound_head(page)
        count += compound_mapcount(head)
        if PageDoubleMap(head):
            count -= 1
    return count


@restates("mm/huge_memory.c", at="v4.14")
def total_mapcount(page: Page) -> i32:
    """Mappings of all subpages, by PTEs and by PMDs."""
    assert not PageTail(page), "VM_BUG_ON_PAGE(PageTail(page))"
    if not PageCompound(page):
        return page._mapcount + 1
    count = compound_mapcount(page)
    for i in range(HPAGE_PMD_NR):
        count += (page + i)._mapcount + 1
    if PageDoubleMap(page):
        count -= HPAGE_PMD_NR
    return count


@restates("mm/util.c", at="v4.14")
def page_mapped(page: Page) -> bool:
    """Whether anything maps the page, or a part of its compound."""
    if not PageCompound(page):
        return page._mapcount >= 0
    head = compound_head(page)
    if compound_mapcount(head) > 0:
        return True
    for i in range(HPAGE_PMD_NR):
        if (head + i)._mapcount >= 0:
            return True
    return False


@restates("include/linux/huge_mm.h", at="v4.14")
def hpage_nr_pages(page: Page) -> u16:
    """Base pages in what the head stands for; nobody may ask of a tail."""
    if PageTransHuge(page):
        return HPAGE_PMD_NR
    return 1


# ------------------------------------------------------------------------------ statistics


@commuting
def mod_node_page_state(item: u8, delta: i16) -> None:
    """Add to a statistic of the node."""
    pgdat.stat[item] += delta


@commuting
def add_mm_counter(mm: Mm, member: u8, value: i16) -> None:
    """Add to an address space's count of resident pages."""
    mm.rss[member] += value


@commuting
def add_nr_ptes(mm: Mm, value: i16) -> None:
    """Add to an address space's count of PTE tables, attached and deposited."""
    mm.nr_ptes += value


# ----------------------------------------------------------------------------------- other


@restates("include/linux/oom.h", at="v4.14")
def check_stable_address_space(mm: Mm) -> bool:
    """Whether memory may be missing that was reaped: then nothing is to be mapped in its place."""
    return has(NO_FAULT_IN_REAPED_MEMORY) and mm.oom_victim != 0 and mm.flags & MMF_UNSTABLE != 0


@atomic
def set_mm_flag(mm: Mm, flag: u8) -> None:
    """set_bit(flag, &mm->flags)."""
    mm.flags |= flag


@restates("include/linux/pagemap.h", at="v4.14")
def linear_page_index(vma: Vma, address: u32) -> u32:
    """Where in the mapped object an address is, in pages (include/linux/pagemap.h)."""
    return vma.vm_pgoff + ((address - vma.vm_start) >> PAGE_SHIFT)


@atomic
def page_to_pgoff(page: Page) -> u32:
    """Where in the mapped object a page is (include/linux/pagemap.h)."""
    head = compound_head(page)
    return head.index + (index_of(page) - index_of(head))


@atomic
def page_anon_vma(page: Page) -> AnonVma:
    """The anon_vma in an anonymous page's mapping word; of a page that KSM has merged, NULL."""
    if NR_STABLE_NODES:
        if compound_head(page).mapping & PAGE_MAPPING_FLAGS != PAGE_MAPPING_ANON:
            return NULL
    return anon_vma_at(compound_head(page).mapping & ~PAGE_MAPPING_FLAGS)
