"""What compilations leave behind for the next run: machine code, and listings.

Machine code that is read back is executed, so it lies in a directory that only its owner may
write, and a checksum guards against truncation. `$MMSPEC_CACHE` names the directory; if it is
empty nothing is kept.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

#: When this process began to read the package.
_STARTED = time.time()
#: Files that are kept.
_MOST = 2000
_CHECKSUM = hashlib.sha256().digest_size


def directory() -> Path | None:
    """Where things are kept: `$MMSPEC_CACHE`, or the user's cache; None if that is empty."""
    setting = os.environ.get("MMSPEC_CACHE")
    if setting is not None:
        return Path(setting) if setting else None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "mmspec"


def key_of(parts: Iterable[str]) -> str:
    """The name of what was made from `parts` by this version of llvmlite for this processor."""
    host = llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return hashlib.sha256("\0".join((*parts, *host)).encode()).hexdigest()


def read(name: str) -> bytes | None:
    """What was kept under a name; None if nothing was, or if it cannot be trusted."""
    where = directory()
    if where is None:
        return None
    path = where / name
    try:
        if path.stat().st_uid != os.getuid():
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) < _CHECKSUM or hashlib.sha256(data[_CHECKSUM:]).digest() != data[:_CHECKSUM]:
        return None
    return data[_CHECKSUM:]


def write(name: str, data: bytes) -> None:
    """Keep something; if that is impossible it is made again next time."""
    where = directory()
    if where is None:
        return
    with contextlib.suppress(OSError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=where)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(made, where / name)
        _prune(where)


def _prune(where: Path) -> None:
    """Remove the older half if there are many."""
    entries = [(entry.stat().st_mtime, entry.path) for entry in os.scandir(where)]
    if len(entries) > _MOST:
        for _, path in sorted(entries)[: len(entries) // 2]:
            os.unlink(path)


@functools.cache
def sources(more: frozenset[str] = frozenset()) -> str:
    """A digest of this package's source, of other files, and of the version of Python."""
    made = hashlib.sha256(sys.version.encode())
    package = Path(__file__).parents[1]
    inside = {str(path) for path in package.rglob("*.py")}
    for path in [*sorted(inside), *sorted(more - inside)]:
        made.update(f"\0{path}\0".encode())
        if os.stat(path).st_mtime > _STARTED:
            # what is being executed may be older than the file: share nothing with others
            made.update(repr((os.getpid(), _STARTED)).encode())
        made.update(Path(path).read_bytes())
    return made.hexdigest()
