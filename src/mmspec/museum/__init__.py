"""Faults of Linux's history: each is found without its fix, and gone with it."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil

from mmspec.kernels.known import unknown
from mmspec.museum.bug import Bug

__all__ = ["Bug", "bug_named", "bugs"]


@functools.cache
def bugs() -> tuple[Bug, ...]:
    """All exhibits, by the names of their modules."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        made = getattr(module, "BUG", None)
        if isinstance(made, Bug):
            found.append(dataclasses.replace(made, name=info.name, prose=module.__doc__ or ""))
    return tuple(found)


def bug_named(name: str) -> Bug:
    """An exhibit by its name; UnknownName if there is none."""
    for bug in bugs():
        if bug.name == name:
            return bug
    raise unknown("exhibit", name, [bug.name for bug in bugs()], "mmspec museum")
