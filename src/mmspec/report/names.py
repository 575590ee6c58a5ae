"""How shared memory is spoken of: names of places, and values in a kernel developer's terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmspec.lang.structs import Field, Layout, Ref, Struct
from mmspec.spec.machine import pgtable
from mmspec.spec.page import deferred_list, ksm, mm, page_alloc, page_flags
from mmspec.spec.page.mm_types import Page
from mmspec.spec.page.pgtable import TABLE_PFN


@dataclass(frozen=True)
class Place:
    """One scalar of shared memory. thing: the object, `page 3`; name: the whole, `page 3 flags`."""

    slot: int
    field: Field
    index: int
    k: int
    thing: str
    name: str


#: How a struct's instances are called; diagrams may use these names.
CALLED = {
    "AnonVma": "anon_vma",
    "AnonVmaChain": "avc",
    "BrokenFrame": "frame",
    "HugeZeroPage": "huge_zero_page",
    "KhugepagedScan": "khugepaged_scan",
    "Ksm": "ksm",
    "Kvm": "kvm",
    "Mm": "mm",
    "Page": "page",
    "PageTable": "table",
    "Pglist": "pgdat",
    "RcuReaders": "rcu",
    "Signal": "signals of task",
    "SwapInfo": "swap",
    "TaskStruct": "task",
    "Userfaultfd": "userfaultfd",
    "VmEventState": "vmstat",
    "Vma": "vma",
    "Cpu": "cpu",
}


def thing(layout: Layout, cls: type[Struct], index: int) -> str:
    """The name of an object: `page 3`, `mm 0 pmd[1]`."""
    owned = layout.owner_of(cls, index)
    if owned is None:
        called = CALLED.get(cls.__name__, cls.__name__.lower())
        return called if layout.count[cls] == 1 else f"{called} {index}"
    field, owner, k = owned
    outer = thing(layout, field.owner, owner)
    if field.name == "pgd":
        return outer
    return f"{outer} {field.name}" + (f"[{k}]" if field.count > 1 or field.name == "pmd" else "")


def places(layout: Layout) -> list[Place]:
    """Every scalar of shared memory, by slot."""
    found = []
    for slot, (field, index, k) in enumerate(layout.scalars()):
        of = thing(layout, field.owner, index)
        name = of if field.name == "val" else f"{of} {field.name}"
        if field.count > 1:
            name += f"[{k}]"
        found.append(Place(slot, field, index, k, of, name))
    return found


def entry(value: int, huge: bool) -> str:
    """A PTE, or a PMD (`huge`: which may map a huge page), in words."""
    if value == 0:
        return "none"
    present = pgtable._PAGE_PRESENT | pgtable._PAGE_PROTNONE
    if value & (present | (pgtable._PAGE_PSE if huge else 0)):
        if huge and not value & pgtable._PAGE_PSE:
            return f"table {pgtable.pte_pfn(value) - TABLE_PFN}"
        pfn = pgtable.pmd_pfn(value) if huge else pgtable.pte_pfn(value)
        words = [f"pfn {pfn}"]
        for bit, word in (
            (pgtable._PAGE_RW, "writable"),
            (pgtable._PAGE_DIRTY, "dirty"),
            (pgtable._PAGE_ACCESSED, "accessed"),
            (pgtable._PAGE_SOFT_DIRTY, "soft-dirty"),
        ):
            if value & bit:
                words.append(word)
        if not value & pgtable._PAGE_PRESENT:
            words.append("protnone" if value & pgtable._PAGE_PROTNONE else "not present")
        return " ".join(words)
    swp = pgtable.pte_to_swp_entry(value)
    if pgtable.is_migration_entry(swp):
        kind = "write" if pgtable.is_write_migration_entry(swp) else "read"
        return f"migration entry, {kind}, pfn {pgtable.swp_offset(swp)}"
    if pgtable.swp_type(swp) == pgtable.SWP_HWPOISON:
        return f"hwpoison entry, pfn {pgtable.swp_offset(swp)}"
    return f"swap entry, slot {pgtable.swp_offset(swp)}"


_FLAGS = {
    value: name[3:]
    for name, value in vars(page_flags).items()
    if name.startswith("PG_") and name != "PG_double_map"
}


def flags(value: int) -> str:
    """A page's flags, as a kernel prints them: `locked|uptodate|head`."""
    known = [name for bit, name in sorted(_FLAGS.items()) if value & bit]
    return "|".join(known) if known else "none"


def mapping(value: int) -> str:
    """A page's mapping word; in a tail it means something else."""
    if value == 0:
        return "NULL"
    if value == page_alloc.TAIL_MAPPING:
        return "TAIL_MAPPING"
    low = value & page_flags.PAGE_MAPPING_FLAGS
    if low == page_flags.PAGE_MAPPING_KSM and value < mm.MEM_MAP_ADDRESS:
        node = (value - ksm.STABLE_NODE_ADDRESS) // ksm.STABLE_NODE_SIZE
        return "ksm" if node < 0 else f"stable_nodes[{node}]|ksm"
    address = value & ~page_flags.PAGE_MAPPING_FLAGS
    if value >= 1 << 31:
        return str(value - (1 << 32))
    if address >= mm.ANON_VMA_ADDRESS and address < mm.MEM_MAP_ADDRESS:
        number = (address - mm.ANON_VMA_ADDRESS) // mm.ANON_VMA_SIZE
        suffix = "".join(f"|{n}" for bit, n in ((1, "anon"), (2, "movable")) if low & bit)
        return f"anon_vma {number}{suffix}"
    if value == deferred_list.SPLIT_QUEUE:
        return "split_queue"
    return f"{value:#x}" if value > 1024 else str(value)


class Namer:
    """Names and values of shared memory."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.places = places(layout)
        self._in_words: dict[str, Callable[[int], str]] = {
            "Pte.val": lambda v: entry(v, False),
            "Pmd.val": lambda v: entry(v, True),
            "Cpu.small": lambda v: entry(v, False),
            "Cpu.huge": lambda v: entry(v, True),
            "Page.flags": flags,
            "Page.mapping": mapping,
        }

    def struct(self, obj: Struct) -> str:
        """An object of the specification."""
        return thing(self.layout, type(obj), obj._mmspec_index)

    def said(self, place: Place, value: int, memory: Sequence[int]) -> tuple[str, str]:
        """A scalar's name and its value in words, as `memory` has it: words have several uses."""
        if str(place.field) == "Page.mapping" and place.index:
            head = memory[self._slot("compound_head", place.index)]
            if head == place.index:
                count = value - (1 << 32) if value >= 1 << 31 else value
                return f"page {head - 1} compound_mapcount", str(count + 1)
        if str(place.field) == "Page._mapcount":
            return f"{place.thing} mapcount", str(value + 1)
        return place.name.replace(" _refcount", " refcount"), self.value(place, value)

    def _slot(self, name: str, index: int) -> int:
        return self.layout.slot(Page.fields()[name], index)

    def local(self, name: str, value: object) -> str:
        """A local variable in words."""
        if isinstance(value, Struct):
            return self.struct(value)
        if isinstance(value, int) and name in ("pte", "pmd", "huge", "small", "entry"):
            return entry(value, name in ("pmd", "huge"))
        return "NULL" if value is None else str(value)

    def value(self, place: Place, value: int) -> str:
        """A scalar in words."""
        field = place.field
        in_words = self._in_words.get(str(field))
        if in_words is not None:
            return in_words(value)
        elem = field.elem
        if isinstance(elem, Ref):
            return "NULL" if value == 0 else thing(self.layout, elem.cls, value - 1)
        return str(value)
