"""Machines made once: as long as no source changes, the front end need not run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmspec.compiler import cache
from mmspec.compiler.conventions import KernelView
from mmspec.compiler.machine import Listing, Machine, entry_name
from mmspec.compiler.native import NativeModule
from mmspec.lang.context import Config
from mmspec.lang.primitives import changed_files
from mmspec.lang.program import text_of


def build(
    entries: Sequence[Callable[[], None]],
    config: Config,
    kernels: Sequence[KernelView],
    *,
    merged: bool = True,
    groups: Sequence[Sequence[Callable[[], bool]]] = (),
) -> Machine:
    """What `System(...)` with the same arguments does, from the cache if it is there."""
    key = _key(entries, config, kernels, merged, groups)
    found = _cached(key, merged)
    if found is not None:
        return found
    # the front end is large: it is imported when it is needed
    from mmspec.compiler.system import System

    made = System(entries, config, kernels, merged=merged, groups=groups)
    cache.write(f"{key}.machine.o", made.native.data)
    cache.write(f"{key}.json", made.listing.to_json().encode())
    return made


def _cached(key: str, merged: bool) -> Machine | None:
    listing = cache.read(f"{key}.json")
    code = cache.read(f"{key}.machine.o")
    if listing is None or code is None:
        return None
    try:
        return Machine(NativeModule.from_object(code), Listing.from_json(listing.decode()), merged)
    except (ValueError, TypeError, KeyError):
        return None


def _key(
    entries: Sequence[Callable[[], None]],
    config: Config,
    kernels: Sequence[KernelView],
    merged: bool,
    groups: Sequence[Sequence[Callable[[], bool]]],
) -> str:
    functions = [text_of(fn) for fn in (*entries, *(p for group in groups for p in group))]
    return cache.key_of(
        (
            cache.sources(
                frozenset((*(fn.__code__.co_filename for fn in functions), *changed_files))
            ),
            *map(entry_name, entries),
            *(",".join(p.__qualname__ for p in group) for group in groups),
            repr(config.key()),
            *(f"{sorted(map(_named, view.changes))} {view.asserts}" for view in kernels),
            str(merged),
        )
    )


def _named(change: object) -> str:
    return f"{change} {getattr(change, 'subject', '')}"
