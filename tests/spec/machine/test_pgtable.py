"""Entries of page tables, bit for bit, as x86-64 has them."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_13, v4_14
from mmspec.spec.machine import pgtable as x86
from mmspec.spec.page.mm_types import mem_map
from tests.spec.running import machine

P, RW, US, A, D, PSE, PROTNONE, SPECIAL, SOFT_DIRTY = (1 << n for n in (0, 1, 2, 5, 6, 7, 8, 9, 11))
DEVMAP = 1 << 58

#: User data, written to, in frame 0x12345.
DATA = 0x12345867
#: A huge page in the frames from 0x12200 on, and a page table in frame 0x12345.
HUGE, TABLE = 0x122008E7, 0x12345067
#: Types: the last two of 32, as hwpoison is configured.
READ, WRITE, HWPOISON = 30, 31, 29


def _is(value: int, names: str) -> None:
    """Of the PTE predicates exactly these hold."""
    predicates = {
        "none": x86.pte_none,
        "present": x86.pte_present,
        "swap": x86.is_swap_pte,
        "write": x86.pte_write,
        "dirty": x86.pte_dirty,
        "young": x86.pte_young,
        "soft_dirty": x86.pte_soft_dirty,
    }
    assert [n for n, holds in predicates.items() if holds(value)] == names.split(), hex(value)


def _pmd_is(value: int, names: str) -> None:
    """Of the PMD predicates exactly these hold."""
    predicates = {
        "none": x86.pmd_none,
        "present": x86.pmd_present,
        "huge": x86.pmd_trans_huge,
        "devmap": x86.pmd_devmap,
        "bad": x86.pmd_bad,
        "swap": x86.is_swap_pmd,
        "migration": x86.is_pmd_migration_entry,
        "write": x86.pmd_write,
        "dirty": x86.pmd_dirty,
        "young": x86.pmd_young,
        "soft_dirty": x86.pmd_soft_dirty,
    }
    assert [n for n, holds in predicates.items() if holds(value)] == names.split(), hex(value)


def test_bits_are_where_the_processor_has_them() -> None:
    assert x86._PAGE_PRESENT | x86._PAGE_RW | x86._PAGE_USER == 0x7
    assert (x86._PAGE_ACCESSED, x86._PAGE_DIRTY, x86._PAGE_PSE) == (0x20, 0x40, 0x80)
    assert (x86._PAGE_PROTNONE, x86._PAGE_SPECIAL, x86._PAGE_SOFT_DIRTY) == (0x100, 0x200, 0x800)
    assert x86._PAGE_DEVMAP == 0x400000000000000
    assert x86.PTE_PFN_MASK == 0x000FFFFFFFFFF000


def test_present_PTEs() -> None:
    _is(0, "none")
    _is(DATA, "present write dirty young soft_dirty")
    _is(DATA & ~(RW | D | A | SOFT_DIRTY), "present")
    # for NUMA hinting: not present for the processor
    _is(DATA & ~P | PROTNONE, "present write dirty young soft_dirty")
    assert x86.pte_pfn(DATA) == 0x12345
    assert x86.pfn_pte(0x1234, P | US | A) == 0x1234025


def test_accessed_and_dirty_alone_are_nothing() -> None:
    for value in (A, D, A | D):
        assert x86.pte_none(value) and x86.pmd_none(value)
        assert not x86.is_swap_pte(value) and not x86.is_swap_pmd(value)


def test_dirty_means_soft_dirty_as_well() -> None:
    assert x86.pte_mkdirty(0x12345025) == 0x12345865
    assert x86.pmd_mkdirty(0x122000A5) == 0x122008E5
    assert x86.pte_mkclean(0x12345865) == 0x12345825


def test_other_changes_are_of_one_bit() -> None:
    assert x86.pte_mkyoung(0x1005) == 0x1025 and x86.pte_mkold(0x1025) == 0x1005
    assert x86.pte_mkwrite(0x1005) == 0x1007 and x86.pte_wrprotect(0x1007) == 0x1005
    assert x86.pte_mksoft_dirty(0x1005) == 0x1805
    assert x86.pmd_mkyoung(0x2000A5 & ~A) == 0x2000A5 and x86.pmd_mkold(0x2000A5) == 0x200085
    assert x86.pmd_wrprotect(0x2000A7) == 0x2000A5
    assert x86.pmd_mksoft_dirty(0x2000A5) == 0x2008A5


@pytest.mark.parametrize("kernel", [v4_13, v4_14], ids=str)
def test_PMDs_of_all_five_states(kernel: Kernel) -> None:
    with machine(kernel, order=9, frames=4096):
        _pmd_is(0, "none bad")
        _pmd_is(TABLE, "present write dirty young")
        _pmd_is(HUGE, "present huge bad write dirty young soft_dirty")
        # being invalidated: software sees a huge page, the processor nothing
        assert x86.pmd_mknotpresent(HUGE) == HUGE & ~P
        _pmd_is(HUGE & ~P, "present huge bad write dirty young soft_dirty")
        # bit 11 is part of its type here
        _pmd_is(0x1FC00, "bad swap migration soft_dirty")
        _pmd_is(HUGE | DEVMAP, "present devmap bad write dirty young soft_dirty")


def test_the_frame_of_a_huge_PMD_is_aligned_and_a_tables_is_not() -> None:
    with machine(v4_14, order=9, frames=4096):
        # bit 12 is PAT in a huge PMD
        assert x86.pmd_pfn(HUGE | 1 << 12) == 0x12200
        assert x86.pmd_pfn(TABLE) == 0x12345
        assert x86.pfn_pmd(0x1200, P | RW | US | A | D) == 0x12000E7


def test_types_of_special_entries() -> None:
    assert x86.MAX_SWAPFILES == 29
    assert (x86.SWP_HWPOISON, x86.SWP_MIGRATION_READ, x86.SWP_MIGRATION_WRITE) == (
        HWPOISON,
        READ,
        WRITE,
    )
    for type_, special, migration in ((28, False, False), (29, True, False), (30, True, True)):
        entry = x86.swp_entry(type_, 5)
        assert x86.non_swap_entry(entry) is special
        assert x86.is_migration_entry(entry) is migration


@pytest.mark.parametrize(
    ("type_", "offset", "value"),
    [
        # type in bits 9 to 13, offset from bit 14 on
        (0, 1, 0x4000),
        (1, 0, 0x200),
        (READ, 0x1234, 0x48D3C00),
        (WRITE, 0x1234, 0x48D3E00),
        (HWPOISON, 7, 0x1FA00),
    ],
)
def test_swap_entries_in_a_PTE(type_: int, offset: int, value: int) -> None:
    entry = x86.swp_entry(type_, offset)

    assert x86.swp_entry_to_pte(entry) == value
    assert x86.pte_to_swp_entry(value) == entry
    assert (x86.swp_type(entry), x86.swp_offset(entry)) == (type_, offset)
    assert value & (P | PSE | PROTNONE | 0xFF) == 0
    assert x86.is_swap_pte(value)


def test_a_migration_entry_can_be_made_read_only() -> None:
    entry = x86.swp_entry(WRITE, 0x1234)

    assert x86.is_write_migration_entry(entry)
    assert x86.swp_entry_to_pte(x86.make_migration_entry_read(entry)) == 0x48D3C00
    assert not x86.is_write_migration_entry(x86.make_migration_entry_read(entry))


@pytest.mark.parametrize(("kernel", "bit"), [(v4_13, 7), (v4_14, 1)], ids=str)
def test_soft_dirty_of_swap_entries_has_moved(kernel: Kernel, bit: int) -> None:
    clean = 0x48D3E00
    with machine(kernel):
        dirty = x86.pte_swp_mksoft_dirty(clean)

        assert dirty == clean | 1 << bit
        assert x86.pte_swp_soft_dirty(dirty) and not x86.pte_swp_soft_dirty(clean)
        # the entry is the same
        assert x86.pte_to_swp_entry(dirty) == x86.pte_to_swp_entry(clean)
        assert x86.is_swap_pte(dirty)


def test_in_bit_1_soft_dirty_keeps_a_migration_PMD_what_it_is() -> None:
    with machine(v4_14):
        pmd = x86.pte_swp_mksoft_dirty(0x48D3E00)

        assert x86.is_pmd_migration_entry(pmd) and not x86.pmd_present(pmd)
        # but what looks for the write bit finds it
        _pmd_is(pmd, "bad swap migration write soft_dirty")


def test_in_bit_7_soft_dirty_makes_a_migration_PMD_a_huge_page() -> None:
    with machine(v4_13, order=9, frames=4096):
        pmd = x86.pte_swp_mksoft_dirty(0x48D3E00)

        assert pmd == 0x48D3E80
        assert x86.pmd_present(pmd) and x86.pmd_trans_huge(pmd)
        assert not x86.is_swap_pmd(pmd) and not x86.is_pmd_migration_entry(pmd)
        # of some other page altogether
        assert x86.pmd_pfn(pmd) == 0x4800


def test_a_migration_entry_of_every_frame_is_told_from_everything_else() -> None:
    with machine(v4_14):
        for k in range(len(mem_map)):
            for type_ in (READ, WRITE):
                value = x86.swp_entry_to_pte(x86.swp_entry(type_, k))
                assert x86.is_pmd_migration_entry(value) and x86.pmd_bad(value)
                assert not x86.pte_present(value) and not x86.pte_none(value)
                assert x86.swp_offset(x86.pte_to_swp_entry(value)) == k
