"""Page-table entries of x86-64, bit for bit, as values.

Present PTEs and PMDs, and what a non-present one can hold: a swap entry. Every predicate computes
what the kernel's does (arch/x86/include/asm/pgtable.h, pgtable_64.h, pgtable_types.h at v4.14).
There is no NX bit: the machine is one without it, and every mapping is executable.
"""

from __future__ import annotations

from mmspec.kernels.changes import (
    INVALIDATED_PMD_IS_NO_HINT,
    PMD_PRESENT_WHILE_HUGE,
    SWP_SOFT_DIRTY_IN_BIT_1,
)
from mmspec.kernels.drafts import (
    ARCH_INVALID_PMD_IS_PRESENT,
    ARCH_MKDIRTY_MAKES_WRITABLE,
    ARCH_PMD_PRESENT_UNLESS_NONE,
)
from mmspec.lang import has, u8, u16, u32, u64
from mmspec.spec.machine.sizes import HPAGE_PMD_MASK, PAGE_SHIFT

_PAGE_PRESENT = 1 << 0
_PAGE_RW = 1 << 1
_PAGE_USER = 1 << 2
_PAGE_PWT = 1 << 3
_PAGE_PCD = 1 << 4
_PAGE_ACCESSED = 1 << 5
_PAGE_DIRTY = 1 << 6
_PAGE_PSE = 1 << 7
_PAGE_PROTNONE = 1 << 8
_PAGE_SPECIAL = 1 << 9
_PAGE_UFFD_WP = 1 << 10
_PAGE_SOFT_DIRTY = 1 << 11
_PAGE_DEVMAP = 1 << 58

PTE_PFN_MASK = ((1 << 52) - 1) & ~((1 << PAGE_SHIFT) - 1)
PTE_FLAGS_MASK = ~PTE_PFN_MASK & ((1 << 63) - 1)
#: what mprotect() leaves alone
_PAGE_CHG_MASK = (
    PTE_PFN_MASK
    | _PAGE_PCD
    | _PAGE_PWT
    | _PAGE_SPECIAL
    | _PAGE_ACCESSED
    | _PAGE_DIRTY
    | _PAGE_SOFT_DIRTY
    | _PAGE_UFFD_WP
)
_HPAGE_CHG_MASK = _PAGE_CHG_MASK | _PAGE_PSE
_KNOCK_ACCESSED_DIRTY = ~(_PAGE_ACCESSED | _PAGE_DIRTY)

#: vm_page_prot of a mapping with no access at all.
PAGE_NONE = _PAGE_PROTNONE | _PAGE_ACCESSED
#: vm_page_prot of any other private mapping: the write bit comes with the first write.
PAGE_COPY = _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED
#: what a PMD has besides the number of its table
_KERNPG_TABLE = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY
_PAGE_TABLE = _KERNPG_TABLE | _PAGE_USER

# --------------------------------------------------------------------------------- PTE values


def pte_none(pte: u64) -> bool:
    """Nothing, or nothing but accessed and dirty bits, which some processors set by mistake."""
    return pte & _KNOCK_ACCESSED_DIRTY == 0


def pte_present(pte: u64) -> bool:
    """A translation, even if access is denied for NUMA hinting."""
    return pte & (_PAGE_PRESENT | _PAGE_PROTNONE) != 0


def pte_protnone(pte: u64) -> bool:
    """A translation that the processor may not use."""
    return pte & (_PAGE_PRESENT | _PAGE_PROTNONE) == _PAGE_PROTNONE


def is_swap_pte(pte: u64) -> bool:
    """Neither none nor present: a swap, migration or poison entry."""
    return not pte_none(pte) and not pte_present(pte)


def pte_pfn(pte: u64) -> u32:
    """The page frame number."""
    return (pte & PTE_PFN_MASK) >> PAGE_SHIFT


def pte_write(pte: u64) -> bool:
    """Bit 1; says nothing about a swap entry."""
    return pte & _PAGE_RW != 0


def pte_dirty(pte: u64) -> bool:
    """Written since the bit was cleared."""
    return pte & _PAGE_DIRTY != 0


def pte_young(pte: u64) -> bool:
    """Accessed since the bit was cleared."""
    return pte & _PAGE_ACCESSED != 0


def pte_soft_dirty(pte: u64) -> bool:
    """Soft-dirty, of a present entry."""
    return pte & _PAGE_SOFT_DIRTY != 0


def pte_mkdirty(pte: u64) -> u64:
    """Dirty, for the hardware and for soft-dirty tracking."""
    if has(ARCH_MKDIRTY_MAKES_WRITABLE):
        return pte | _PAGE_DIRTY | _PAGE_SOFT_DIRTY | _PAGE_RW
    return pte | _PAGE_DIRTY | _PAGE_SOFT_DIRTY


def pte_mkclean(pte: u64) -> u64:
    """Not dirty for the hardware."""
    return pte & ~_PAGE_DIRTY


def pte_mkyoung(pte: u64) -> u64:
    """Accessed."""
    return pte | _PAGE_ACCESSED


def pte_mkold(pte: u64) -> u64:
    """Not accessed."""
    return pte & ~_PAGE_ACCESSED


def pte_mkwrite(pte: u64) -> u64:
    """Writable."""
    return pte | _PAGE_RW


def pte_wrprotect(pte: u64) -> u64:
    """Read-only."""
    return pte & ~_PAGE_RW


def pte_mksoft_dirty(pte: u64) -> u64:
    """Soft-dirty, of a present entry."""
    return pte | _PAGE_SOFT_DIRTY


def pte_clear_soft_dirty(pte: u64) -> u64:
    """Not soft-dirty, of a present entry."""
    return pte & ~_PAGE_SOFT_DIRTY


def pte_modify(pte: u64, newprot: u64) -> u64:
    """The same page with another protection; the write bit goes."""
    return pte & _PAGE_CHG_MASK | newprot & ~_PAGE_CHG_MASK


def pte_special(pte: u64) -> bool:
    """Of a page that is nobody's: the zero page."""
    return pte & _PAGE_SPECIAL != 0


def pte_mkspecial(pte: u64) -> u64:
    """Of a page that is nobody's."""
    return pte | _PAGE_SPECIAL


def pfn_pte(pfn: u16, prot: u64) -> u64:
    """A present entry."""
    return pfn << PAGE_SHIFT | prot


# --------------------------------------------------------------------------------- PMD values


def pmd_none(pmd: u64) -> bool:
    """As `pte_none`."""
    return pmd & _KNOCK_ACCESSED_DIRTY == 0


def pmd_present(pmd: u64) -> bool:
    """Also while a huge PMD is being split: not present for the processor, but with PSE."""
    if has(ARCH_PMD_PRESENT_UNLESS_NONE):
        return not pmd_none(pmd)
    if has(PMD_PRESENT_WHILE_HUGE):
        return pmd & (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_PSE) != 0
    return pmd & _PAGE_PRESENT != 0


def pmd_trans_huge(pmd: u64) -> bool:
    """A huge page (present or being invalidated)."""
    return pmd & (_PAGE_PSE | _PAGE_DEVMAP) == _PAGE_PSE


def pmd_devmap(pmd: u64) -> bool:
    """Device memory: never, here."""
    return pmd & _PAGE_DEVMAP != 0


def pmd_bad(pmd: u64) -> bool:
    """Not a pointer to a page table."""
    return pmd & PTE_FLAGS_MASK & ~_PAGE_USER != _KERNPG_TABLE


def pmd_protnone(pmd: u64) -> bool:
    """A huge page that the processor may not use."""
    return pmd & (_PAGE_PRESENT | _PAGE_PROTNONE) == _PAGE_PROTNONE


def is_swap_pmd(pmd: u64) -> bool:
    """Neither none nor present."""
    return not pmd_none(pmd) and not pmd_present(pmd)


def pmd_pfn(pmd: u64) -> u32:
    """The frame a huge PMD maps, or the number of a page table."""
    if pmd & _PAGE_PSE:
        return (pmd & PTE_PFN_MASK & HPAGE_PMD_MASK) >> PAGE_SHIFT
    return (pmd & PTE_PFN_MASK) >> PAGE_SHIFT


def pmd_write(pmd: u64) -> bool:
    """Bit 1; of a swap entry it may be something else."""
    return pmd & _PAGE_RW != 0


def pmd_dirty(pmd: u64) -> bool:
    """Written since the bit was cleared."""
    return pmd & _PAGE_DIRTY != 0


def pmd_young(pmd: u64) -> bool:
    """Accessed since the bit was cleared."""
    return pmd & _PAGE_ACCESSED != 0


def pmd_soft_dirty(pmd: u64) -> bool:
    """Soft-dirty, of a present entry."""
    return pmd & _PAGE_SOFT_DIRTY != 0


def pmd_mkdirty(pmd: u64) -> u64:
    """Dirty, for the hardware and for soft-dirty tracking."""
    if has(ARCH_MKDIRTY_MAKES_WRITABLE):
        return pmd | _PAGE_DIRTY | _PAGE_SOFT_DIRTY | _PAGE_RW
    return pmd | _PAGE_DIRTY | _PAGE_SOFT_DIRTY


def pmd_mkclean(pmd: u64) -> u64:
    """Not dirty for the hardware; soft-dirty stays."""
    return pmd & ~_PAGE_DIRTY


def pmd_mkyoung(pmd: u64) -> u64:
    """Accessed."""
    return pmd | _PAGE_ACCESSED


def pmd_mkold(pmd: u64) -> u64:
    """Not accessed."""
    return pmd & ~_PAGE_ACCESSED


def pmd_mkwrite(pmd: u64) -> u64:
    """Writable."""
    return pmd | _PAGE_RW


def pmd_wrprotect(pmd: u64) -> u64:
    """Read-only."""
    return pmd & ~_PAGE_RW


def pmd_mksoft_dirty(pmd: u64) -> u64:
    """Soft-dirty, of a present entry."""
    return pmd | _PAGE_SOFT_DIRTY


def pmd_clear_soft_dirty(pmd: u64) -> u64:
    """Not soft-dirty, of a present entry."""
    return pmd & ~_PAGE_SOFT_DIRTY


def pmd_modify(pmd: u64, newprot: u64) -> u64:
    """As `pte_modify`, of a huge page."""
    return pmd & _HPAGE_CHG_MASK | newprot & ~_HPAGE_CHG_MASK


def pmd_mknotpresent(pmd: u64) -> u64:
    """Not present for the processor; PSE stays, so that software still sees a huge page."""
    if has(ARCH_INVALID_PMD_IS_PRESENT):
        # as where a bit says: present, but invalid
        return (pmd & ~(_PAGE_PRESENT | _PAGE_PROTNONE)) | _PAGE_PSE
    if has(INVALIDATED_PMD_IS_NO_HINT):
        return pmd & ~(_PAGE_PRESENT | _PAGE_PROTNONE)
    return pmd & ~_PAGE_PRESENT


def pfn_pmd(pfn: u16, prot: u64) -> u64:
    """A huge PMD."""
    return pfn << PAGE_SHIFT | prot | _PAGE_PSE


# ------------------------------------------------------------------- swap entries in PTEs, PMDs

SWP_TYPE_FIRST_BIT = 9
SWP_TYPE_BITS = 5
SWP_OFFSET_FIRST_BIT = SWP_TYPE_FIRST_BIT + SWP_TYPE_BITS

#: The architecture-independent form: type above, offset below.
SWP_TYPE_SHIFT = 24
SWP_OFFSET_MASK = (1 << SWP_TYPE_SHIFT) - 1
#: Of the offset, a frame number; above it a migration entry can say how the page was mapped.
SWP_PFN_MASK = (1 << 16) - 1
SWP_MIG_YOUNG, SWP_MIG_DIRTY = 1 << 16, 1 << 17

MAX_SWAPFILES = (1 << SWP_TYPE_BITS) - 3
SWP_HWPOISON = MAX_SWAPFILES
SWP_MIGRATION_READ = MAX_SWAPFILES + 1
SWP_MIGRATION_WRITE = MAX_SWAPFILES + 2


def swp_entry(type_: u8, offset: u16) -> u64:
    """A swap entry."""
    return type_ << SWP_TYPE_SHIFT | offset


def swp_type(entry: u64) -> u8:
    """Which swap file, or which kind of special entry."""
    return entry >> SWP_TYPE_SHIFT


def swp_offset(entry: u64) -> u32:
    """The slot, or for a migration entry the page frame number."""
    return entry & SWP_PFN_MASK


def non_swap_entry(entry: u64) -> bool:
    """A special entry rather than a place on swap."""
    return swp_type(entry) >= MAX_SWAPFILES


def is_hwpoison_entry(entry: u64) -> bool:
    """Of a broken frame, which its offset names."""
    return swp_type(entry) == SWP_HWPOISON


def is_migration_entry(entry: u64) -> bool:
    """Of either kind."""
    return swp_type(entry) == SWP_MIGRATION_READ or swp_type(entry) == SWP_MIGRATION_WRITE


def is_write_migration_entry(entry: u64) -> bool:
    """Of a page that was mapped writable."""
    return swp_type(entry) == SWP_MIGRATION_WRITE


def make_migration_entry_read(entry: u64) -> u64:
    """The read-only form of a migration entry."""
    return SWP_MIGRATION_READ << SWP_TYPE_SHIFT | (entry & SWP_OFFSET_MASK)


def make_migration_entry_young_dirty(entry: u64, young: bool, dirty: bool) -> u64:
    """A migration entry that says how the page was mapped."""
    if young:
        entry |= SWP_MIG_YOUNG
    if dirty:
        entry |= SWP_MIG_DIRTY
    return entry


def is_migration_entry_young(entry: u64) -> bool:
    """Of a page whose mapping was accessed."""
    return entry & SWP_MIG_YOUNG != 0


def is_migration_entry_dirty(entry: u64) -> bool:
    """Of a page whose mapping was dirty."""
    return entry & SWP_MIG_DIRTY != 0


def swp_entry_to_pte(entry: u64) -> u64:
    """How a swap entry stands in a PTE or PMD: type in bits 9 to 13, offset above."""
    offset: u32 = entry & SWP_OFFSET_MASK
    return swp_type(entry) << SWP_TYPE_FIRST_BIT | offset << SWP_OFFSET_FIRST_BIT


def pte_to_swp_entry(pte: u64) -> u64:
    """The swap entry in a non-present PTE or PMD; other bits are ignored."""
    type_ = pte >> SWP_TYPE_FIRST_BIT & ((1 << SWP_TYPE_BITS) - 1)
    return type_ << SWP_TYPE_SHIFT | (pte >> SWP_OFFSET_FIRST_BIT & SWP_OFFSET_MASK)


def _page_swp_soft_dirty() -> u64:
    """Where soft-dirty is kept in a swap entry."""
    if has(SWP_SOFT_DIRTY_IN_BIT_1):
        return _PAGE_RW
    # bit 7 is PSE in a PMD
    return _PAGE_PSE


def pte_swp_soft_dirty(pte: u64) -> bool:
    """Soft-dirty, of a swap entry."""
    return pte & _page_swp_soft_dirty() != 0


def pte_swp_clear_soft_dirty(pte: u64) -> u64:
    """Not soft-dirty, of a swap entry."""
    return pte & ~_page_swp_soft_dirty()


def pte_swp_mksoft_dirty(pte: u64) -> u64:
    """Soft-dirty, of a swap entry."""
    return pte | _page_swp_soft_dirty()


#: Where a swap entry keeps that a userfaultfd has write-protected the page.
_PAGE_SWP_UFFD_WP = _PAGE_USER


def pte_uffd_wp(pte: u64) -> bool:
    """Write-protected by a userfaultfd; of a present PTE or PMD."""
    return pte & _PAGE_UFFD_WP != 0


def pte_mkuffd_wp(pte: u64) -> u64:
    """Write-protected by a userfaultfd."""
    return pte & ~_PAGE_RW | _PAGE_UFFD_WP


def pte_clear_uffd_wp(pte: u64) -> u64:
    """Not write-protected by a userfaultfd; whether it is writable, the next store finds out."""
    return pte & ~_PAGE_UFFD_WP


def pte_swp_uffd_wp(pte: u64) -> bool:
    """The same, of a swap entry."""
    return pte & _PAGE_SWP_UFFD_WP != 0


def pte_swp_mkuffd_wp(pte: u64) -> u64:
    """The same, of a swap entry."""
    return pte | _PAGE_SWP_UFFD_WP


def pte_swp_clear_uffd_wp(pte: u64) -> u64:
    """The same, of a swap entry."""
    return pte & ~_PAGE_SWP_UFFD_WP


def is_pmd_migration_entry(pmd: u64) -> bool:
    """A migration entry at PMD level."""
    return not pmd_present(pmd) and is_migration_entry(pte_to_swp_entry(pmd))
