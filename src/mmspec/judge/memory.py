"""Places of shared memory by the names that diagrams use, and whether values agree."""

from __future__ import annotations

import re
from functools import cached_property

from mmspec.compiler import ir
from mmspec.judge.traced import TracedSystem
from mmspec.lang.context import reading
from mmspec.lang.structs import Ref
from mmspec.report.names import Namer, Place, thing
from mmspec.spec.page import mm_types

#: Said of `page N+1`'s mapping word while page N is a head.
_COMPOUND = " compound_mapcount"


class Memory:
    """Names for what the states of a system hold."""

    def __init__(self, system: TracedSystem) -> None:
        self.system = system
        self.layout = system.layout
        with reading(system.config):
            self.namer = Namer(self.layout)
        self.at: dict[int, Place] = {}
        self.offset: dict[int, int] = {}
        self.signed: dict[int, tuple[int, bool]] = {}
        for place in self.namer.places:
            where = self.layout.address(place.field, place.index, place.k)
            kind = self.layout.scalar(place.field)
            self.at[where] = place
            self.offset[place.slot] = where
            self.signed[where] = kind.size, kind.signed

    @cached_property
    def _by_name(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for where, place in self.at.items():
            name = place.name.replace(" _refcount", " refcount")
            if str(place.field) == "Page._mapcount":
                name = f"{place.thing} mapcount"
            found[name] = where
            match = re.fullmatch(r"page (\d+) mapping", name)
            if match and int(match[1]):
                found[f"page {int(match[1]) - 1}{_COMPOUND}"] = where
        return found

    def places(self, name: str, page: str) -> tuple[int, ...]:
        """Offsets of the places that a name stands for; `page`: which one, if it is left open."""
        if name in self._by_name:
            return (self._by_name[name],)
        if f"{page} {name}" in self._by_name:
            return (self._by_name[f"{page} {name}"],)
        match = re.fullmatch(r"(pmd|pte)(\[\d+\])?", name)
        if match is None:
            return ()
        mask = re.compile(
            rf"(?:mm|table)(?: \d+)? {match[1]}" + (re.escape(match[2] or "[") + ".*")
        )
        return tuple(where for known, where in self._by_name.items() if mask.match(known))

    def raw(self, shared: bytes, where: int) -> int:
        """The value at an offset."""
        size, signed = self.signed[where]
        return int.from_bytes(shared[where : where + size], "little", signed=signed)

    def said(self, where: int, raw: int, shared: bytes) -> tuple[str, str]:
        """A place and its value in the words of reports."""
        place = self.at[where]
        with reading(self.system.config):
            whole = str(place.field) == "Page.mapping"
            return self.namer.said(place, raw, self.layout.unpack(shared) if whole else [])

    def agrees(self, where: int, raw: int, shared: bytes, name: str, value: str) -> bool:
        """Whether a place has a value that a diagram gives for it."""
        called, said = self.said(where, raw, shared)
        if name.endswith("compound_mapcount") != called.endswith(_COMPOUND):
            return False
        return alike(said, value, called)

    def returned(self, f: ir.Function, stored: int, value: str) -> bool:
        """Whether what a function returned is what a diagram says."""
        return alike_result(self.result(f, stored), value)

    def result(self, f: ir.Function, stored: int) -> str:
        """What a function returned, in words."""
        if isinstance(f.returns, Ref):
            return self.object(f.returns.cls, stored)
        return _ERRORS.get(-stored, str(stored)) if stored < 0 else str(stored)

    def object(self, kind: type, stored: int) -> str:
        """The name of what a pointer points to."""
        return "NULL" if stored == 0 else thing(self.layout, kind, stored - 1)


#: Error codes, as kernels return them.
_ERRORS = {
    value: f"-{name}"
    for name, value in vars(mm_types).items()
    if re.fullmatch("E[A-Z]+", name) and isinstance(value, int)
}
_NUMBERS = {name: -value for value, name in _ERRORS.items()}


def alike_result(said: str, value: str) -> bool:
    """Whether a result in words is what a diagram says it is."""
    if value in ("true", "false"):
        return (said not in ("0", "NULL")) == (value == "true")
    if value in ("0", "NULL"):
        return said in ("0", "NULL")
    return said == value or str(_NUMBERS.get(said)) == value


def alike(said: str, value: str, name: str = "") -> bool:
    """Whether a value in the words of reports is what a diagram says it is."""
    if value.startswith("not ") and value != "not present":
        return not alike(said, value[4:], name)
    if said == value:
        return True
    if name.endswith(" flags"):
        found = set(said.split("|"))
        wanted = set(value.split("|"))
        return wanted <= found if len(wanted) == 1 else wanted == found
    if re.search(r" (?:pmd|pte)\[\d+\]$|^cpu \d+ (?:huge|small)", name):
        return _entry(said, value)
    if value == "0" and said in ("NULL", "none"):
        return True
    return re.fullmatch(r"0x[0-9a-f]+", value) is not None and said == str(int(value, 16))


_WORDS = re.compile(
    r"not present|migration entry|swap entry|hwpoison entry|page table|pfn \d+|slot \d+|"
    r"table \d+|[\w-]+"
)


def _entry(said: str, value: str) -> bool:
    found = set(_WORDS.findall(said))
    if value == "0":
        return said == "none"
    if any(word.startswith("pfn") for word in found):
        found |= {"huge"} if "migration entry" not in found else set()
        if not found & {"not present", "migration entry"}:
            found.add("present")
    if said.startswith("table"):
        found |= {"page table", "present"}
    return set(_WORDS.findall(value)) <= found
