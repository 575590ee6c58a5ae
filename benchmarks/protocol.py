"""A protocol of THP split, migration and zap: the yardstick for the search loops.

One anonymous THP of SUBPAGES subpages is mapped by MMS address spaces through one PMD each. A
splitter freezes and splits it, a migrator replaces its mappings and restores them, zappers unmap
subpages. It is a caricature of the kernel, made to compare checkers: the same steps exist as
hand-written C, Promela, Murphi and Python, and all agree on the number of states.
"""

from __future__ import annotations

from mmspec.lang import (
    Array,
    Struct,
    array,
    atomic,
    choose,
    param,
    pool,
    static,
    this_task,
    u8,
    wait_until,
)

SUBPAGES: int = param("protocol_subpages", 4)
MMS: int = param("protocol_mms", 2)
OPS: int = param("protocol_ops", 1)

NONE, HUGE, TABLE, PMD_MIGRATION = 0, 1, 2, 3
PRESENT, MIGRATION = 1, 2


class Mm(Struct):
    """An address space: one PMD, and the table below it."""

    ptl: u8
    pmd: u8
    pte: Array[u8] = array(SUBPAGES)


class Thp(Struct):
    """The huge page; `compound` until it is split."""

    locked: u8
    compound: u8
    compound_mapcount: u8
    refcount: u8
    mapcount: Array[u8] = array(SUBPAGES)
    sub_refcount: Array[u8] = array(SUBPAGES)


mms = pool(Mm, MMS)
thp: Thp = static(Thp)


def set_up() -> None:
    """Map the page by every PMD."""
    for m in range(MMS):
        mms[m].pmd = HUGE
    thp.compound = 1
    thp.compound_mapcount = MMS
    thp.refcount = MMS


# ------------------------------------------------------------------------------------ steps


@atomic
def lock_page() -> None:
    wait_until(lambda: not thp.locked)
    thp.locked = 1


@atomic
def unlock_page() -> bool:
    thp.locked = 0
    return bool(thp.compound)


@atomic
def wait_on_page_locked() -> None:
    wait_until(lambda: not thp.locked)


@atomic
def lock(mm: Mm) -> None:
    wait_until(lambda: not mm.ptl)
    mm.ptl = 1


@atomic
def unlock(mm: Mm) -> None:
    mm.ptl = 0


@atomic
def get_head() -> bool:
    if not thp.compound or thp.refcount == 0:
        return False
    thp.refcount += 1
    return True


@atomic
def get_any() -> u8:
    """Take a reference on the huge page or on any subpage; which, plus one; 0 if it is free."""
    c = choose(1 if thp.compound else SUBPAGES)
    if thp.compound:
        if thp.refcount == 0:
            return 0
        thp.refcount += 1
        return 1
    if thp.sub_refcount[c] == 0:
        return 0
    thp.sub_refcount[c] += 1
    return c + 1


@atomic
def add_references(n: u8) -> None:
    thp.refcount += n


@atomic
def put_reference() -> None:
    thp.refcount -= 1


@atomic
def get_page(i: u8) -> None:
    if thp.compound:
        thp.refcount += 1
    else:
        thp.sub_refcount[i] += 1


@atomic
def unmap_reference(i: u8) -> None:
    if thp.compound:
        thp.refcount -= 1
    else:
        thp.sub_refcount[i] -= 1


@atomic
def map_subpage(i: u8) -> None:
    thp.mapcount[i] += 1


@atomic
def unmap_subpage(i: u8) -> None:
    thp.mapcount[i] -= 1


@atomic
def map_huge() -> None:
    thp.compound_mapcount += 1


@atomic
def unmap_huge() -> None:
    thp.compound_mapcount -= 1


@atomic
def freeze_pte(mm: Mm, i: u8) -> bool:
    if mm.pte[i] != PRESENT:
        return False
    mm.pte[i] = MIGRATION
    return True


@atomic
def freeze_references() -> bool:
    if thp.refcount != 1:
        return False
    thp.refcount = 0
    return True


@atomic
def alone(c: u8) -> bool:
    return (thp.refcount if thp.compound else thp.sub_refcount[c]) == 1


@atomic
def copy_page(c: u8) -> None:
    for m in range(MMS):
        assert mms[m].pmd != HUGE
        for i in range(SUBPAGES):
            if thp.compound or i == c:
                assert mms[m].pte[i] != PRESENT


@atomic
def free_head() -> None:
    """The check of a put that may free the page."""
    assert thp.refcount > 0
    thp.refcount -= 1
    if thp.refcount == 0:
        assert thp.compound_mapcount == 0
        for i in range(SUBPAGES):
            assert thp.mapcount[i] == 0


@atomic
def put_subpage(i: u8) -> None:
    assert thp.sub_refcount[i] > 0
    thp.sub_refcount[i] -= 1
    assert thp.sub_refcount[i] > 0 or thp.mapcount[i] == 0


@atomic
def put_page(i: u8) -> None:
    if thp.compound:
        assert thp.refcount > 0
        thp.refcount -= 1
        if thp.refcount == 0:
            assert thp.compound_mapcount == 0
            for k in range(SUBPAGES):
                assert thp.mapcount[k] == 0
    else:
        assert thp.sub_refcount[i] > 0
        thp.sub_refcount[i] -= 1
        assert thp.sub_refcount[i] > 0 or thp.mapcount[i] == 0


# --------------------------------------------------------------------------------- splitter


def freeze(mm: Mm) -> None:
    lock(mm)
    pmd = mm.pmd
    if pmd == HUGE:
        add_references(SUBPAGES - 1)
        for i in range(SUBPAGES):
            mm.pte[i] = MIGRATION
            map_subpage(i)
        unmap_huge()
        mm.pmd = TABLE
        for i in range(SUBPAGES):
            unmap_subpage(i)
            put_reference()
    elif pmd == TABLE:
        for i in range(SUBPAGES):
            if freeze_pte(mm, i):
                unmap_subpage(i)
                put_reference()
    unlock(mm)


def remap(mm: Mm) -> None:
    lock(mm)
    if mm.pmd == TABLE:
        for i in range(SUBPAGES):
            if mm.pte[i] == MIGRATION:
                get_page(i)
                map_subpage(i)
                mm.pte[i] = PRESENT
    unlock(mm)


def splitter() -> None:
    if not get_head():
        return
    lock_page()
    for m in range(MMS):
        freeze(mms[m])
    if freeze_references():
        for i in range(SUBPAGES):
            thp.sub_refcount[i] = 1
        thp.compound = 0
    for m in range(MMS):
        remap(mms[m])
    if unlock_page():
        free_head()
        return
    for i in range(SUBPAGES):
        put_subpage(i)


# --------------------------------------------------------------------------------- migrator


@atomic
def look(mm: Mm) -> u8:
    """The PMD, and in bit 2 whether the page is compound."""
    return mm.pmd + (4 if thp.compound else 0)


def unmap(mm: Mm, c: u8) -> None:
    lock(mm)
    found = look(mm)
    if found & 3 == HUGE:
        mm.pmd = PMD_MIGRATION
        unmap_huge()
        put_reference()
    elif found & 3 == TABLE:
        if found & 4:
            for i in range(SUBPAGES):
                if freeze_pte(mm, i):
                    unmap_subpage(i)
                    unmap_reference(i)
        elif freeze_pte(mm, c):
            unmap_subpage(c)
            unmap_reference(c)
    unlock(mm)


def restore(mm: Mm, c: u8) -> None:
    lock(mm)
    found = look(mm)
    if found & 3 == PMD_MIGRATION:
        add_references(1)
        map_huge()
        mm.pmd = HUGE
    elif found & 3 == TABLE:
        if found & 4:
            for i in range(SUBPAGES):
                if mm.pte[i] == MIGRATION:
                    get_page(i)
                    map_subpage(i)
                    mm.pte[i] = PRESENT
        elif mm.pte[c] == MIGRATION:
            get_page(c)
            map_subpage(c)
            mm.pte[c] = PRESENT
    unlock(mm)


def migrator() -> None:
    c = get_any()
    if c == 0:
        return
    c -= 1
    lock_page()
    for m in range(MMS):
        unmap(mms[m], c)
    if alone(c):
        copy_page(c)
    for m in range(MMS):
        restore(mms[m], c)
    thp.locked = 0
    put_page(c)


# ---------------------------------------------------------------------------------- zappers


def split_pmd(mm: Mm) -> None:
    add_references(SUBPAGES - 1)
    for j in range(SUBPAGES):
        mm.pte[j] = PRESENT
        map_subpage(j)
    unmap_huge()
    mm.pmd = TABLE


def zap(mm: Mm, i: u8) -> None:
    while True:
        lock(mm)
        pmd = mm.pmd
        if pmd == NONE:
            unlock(mm)
            return
        if pmd != PMD_MIGRATION:
            if pmd == HUGE:
                split_pmd(mm)
            pte = mm.pte[i]
            if pte == NONE:
                unlock(mm)
                return
            if pte == PRESENT:
                mm.pte[i] = NONE
                unmap_subpage(i)
                unlock(mm)
                put_page(i)
                return
        unlock(mm)
        wait_on_page_locked()


def zapper() -> None:
    mm = mms[(this_task() + 2 * MMS - 2) % MMS]
    for _ in range(OPS):
        i = choose(SUBPAGES)
        zap(mm, i)


# ---------------------------------------------------------------------------- what must hold


def accounting_agrees() -> bool:
    """When all is over: no lock, no migration entry, counts equal mappings."""
    huge = 0
    total = 0
    for m in range(MMS):
        if mms[m].pmd == HUGE:
            huge += 1
        if mms[m].ptl or mms[m].pmd == PMD_MIGRATION:
            return False
    for i in range(SUBPAGES):
        mapped = 0
        for m in range(MMS):
            if mms[m].pte[i] == MIGRATION:
                return False
            if mms[m].pte[i] == PRESENT:
                mapped += 1
        if thp.mapcount[i] != mapped:
            return False
        if not thp.compound and thp.sub_refcount[i] != mapped:
            return False
        total += mapped
    if thp.locked or thp.compound_mapcount != huge:
        return False
    return not thp.compound or thp.refcount == huge + total


CONFIGURATIONS = {
    # name: (subpages, address spaces, zappers, operations of each): states, transitions
    "A": ((2, 2, 2, 1), (122_958, 361_460)),
    "B": ((4, 2, 2, 1), (1_052_648, 3_254_676)),
    "C": ((4, 2, 2, 2), (15_675_810, 50_675_372)),
}
