"""Kernels and changes by the names that people type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from mmspec.kernels import changes, drafts
from mmspec.kernels.change import Change, Kernel
from mmspec.kernels.releases import RELEASES
from mmspec.lang.context import ModelError

#: Every change by name: upstream's first, then drafts.
CHANGES: dict[str, Change] = {
    made.name: made
    for module in (changes, drafts)
    for made in vars(module).values()
    if isinstance(made, Change)
}


class UnknownName(ModelError):
    """A name that nothing has; the message says which come near."""


def unknown(what: str, name: str, known: Iterable[str], listing: str) -> UnknownName:
    """The error to raise for a name that is not among those known."""
    names = list(known)
    folded = {n.lower(): n for n in names}
    near = [folded[n] for n in difflib.get_close_matches(name.lower(), folded, 3, 0.5)]
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(names)}"
    if not near and len(names) > 12:
        hint = f"`{listing}` shows what there is"
    return UnknownName(f"there is no {what} {name!r}: {hint}")


def change_named(name: str) -> Change:
    """A change by its name, or by its commit's first 7 or more digits."""
    found = CHANGES.get(name) or CHANGES.get(name.upper())
    if found is None and len(name) >= 7:
        found = next(
            (c for c in CHANGES.values() if c.commit and c.commit.startswith(name[:12])), None
        )
    if found is None:
        raise unknown("change", name, CHANGES, "mmspec list changes")
    return found


def release_named(name: str) -> Kernel:
    """A released kernel: `v4.14`, or `4.14`."""
    found = RELEASES.get(name) or RELEASES.get(f"v{name}")
    if found is None:
        raise unknown("kernel", name, RELEASES, "mmspec list kernels")
    return found
