"""Which fields of shared memory a page shows, in which order, and what the locks are up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmspec.lang.structs import Field, Struct
from mmspec.report.glossary import meaning
from mmspec.report.history import History, Step
from mmspec.report.names import Place
from mmspec.spec.machine.locks import RcuReaders, RwSemaphore, SpinLock, TriedSemaphore
from mmspec.spec.page.mm_types import Cpu, Mm, Page, PageTable, Pmd, PmdTable, Pte

_LOCKS = (SpinLock, RwSemaphore, TriedSemaphore, RcuReaders)
#: Kinds of lanes, in the order in which they are shown.
TABLES, PAGES, TLBS, LOCKS, SPACES, OTHER = range(6)
KINDS = (
    "Page tables",
    "Pages",
    "TLBs",
    "Locks",
    "Address spaces",
    "Other",
)
_PAGE_ORDER = ("_refcount", "_mapcount", "flags", "mapping", "buddy", "compound_head", "order")


@dataclass(frozen=True)
class Lane:
    """A field over time. slot: of shared memory; -1 for a lock, which has several."""

    kind: int
    thing: str
    label: str
    start: str
    meaning: str
    slot: int = -1


def lanes(history: History) -> list[Lane]:
    """The fields of everything that the trace touches, and the locks that are taken."""
    touched = {seen.slot for step in history.steps for seen in step.seen}
    places = history.namer.places
    things = {places[slot].thing for slot in touched}
    changed = {s.slot for step in history.steps for s in step.changes}
    found = []
    for place in places:
        cls = place.field.owner
        if cls in _LOCKS or place.thing not in things:
            continue
        if _is_constant(place) and place.slot not in changed:
            continue
        kind = _kind(cls)
        thing, label = _names(place, kind)
        name, value = history.start[place.slot]
        start = said(place, name, value)
        lane = Lane(kind, thing, label, start, _meaning(place), place.slot)
        found.append((kind, _order(thing), _rank(place), place.slot, lane))
    made = [lane for *_, lane in sorted(found, key=lambda entry: entry[:4])]
    locks = {n: Lane(LOCKS, n, "", "", _lock_meaning(n)) for n in _lock_names(history)}
    at = next((k for k, lane in enumerate(made) if lane.kind > LOCKS), len(made))
    return made[:at] + list(locks.values()) + made[at:]


def said(place: Place, name: str, value: str) -> str:
    """A value in a lane; with its name, where the word means something else just now."""
    if place.field.owner is Page and place.field.name == "mapping":
        if name.endswith("compound_mapcount"):
            return f"compound_mapcount {value}"
    return value


def _meaning(place: Place) -> str:
    name = {Pte: "PTE", Pmd: "PMD"}.get(place.field.owner, place.field.name)
    return meaning(name)


def _is_constant(place: Place) -> bool:
    return place.field.discipline.kind == "immutable" or place.field.name in ("vm_start", "vm_end")


def _kind(cls: type[Struct]) -> int:
    if cls in (Pmd, Pte, PmdTable, PageTable):
        return TABLES
    return {Page: PAGES, Cpu: TLBS, Mm: SPACES}.get(cls, OTHER)


def _names(place: Place, kind: int) -> tuple[str, str]:
    """The heading of a lane's group, and its own label below it."""
    field, thing = place.field, place.thing
    if field.owner in (Pmd, Pte):
        outer, _, inner = thing.rpartition(" ")
        return outer, inner
    if kind == TLBS:
        return f"TLB of CPU{place.index}", _label(field, place.k)
    return thing, _label(field, place.k)


def _label(field: Field, k: int) -> str:
    name = field.name.lstrip("_")
    return f"{name}[{k}]" if field.count > 1 or field.owner is Cpu else name


def _order(thing: str) -> tuple[object, ...]:
    """Things by name, numbers by value; address spaces above the tables they point to."""
    words = [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in thing.split()]
    return not thing.startswith("mm"), *words


def _rank(place: Place) -> int:
    name = place.field.name
    if place.field.owner is Page:
        return _PAGE_ORDER.index(name) if name in _PAGE_ORDER else len(_PAGE_ORDER)
    return 1 if place.field.owner in (PageTable, PmdTable) else 0


# ------------------------------------------------------------------------------------ locks


def _lock_names(history: History) -> Iterator[str]:
    found: dict[str, None] = {}
    for step in history.steps:
        for locks in step.locks:
            for name, _ in locks.held:
                found[name] = None
            for name in locks.waits:
                found[name] = None
    yield from sorted(found, key=_order)


def _lock_meaning(name: str) -> str:
    if name.startswith("page "):
        return meaning("page lock")
    return meaning(name.rpartition(" ")[2]) or meaning(name)


def lock_states(step: Step) -> dict[str, str]:
    """Who has which lock after a step, and who waits for it."""
    found: dict[str, list[str]] = {}
    for task, locks in enumerate(step.locks):
        for name, shared in locks.held:
            found.setdefault(name, []).append(f"CPU{task}" + (" shared" if shared else ""))
    for task, locks in enumerate(step.locks):
        for name in locks.waits if locks.blocked else ():
            found.setdefault(name, []).append(f"CPU{task} waits")
    return {name: ", ".join(who) for name, who in found.items()}
