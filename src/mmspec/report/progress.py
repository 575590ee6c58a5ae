"""What is going on, on a terminal's standard error, while it is going on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mmspec.search.bfs import Progress

if TYPE_CHECKING:
    from rich.live import Live

#: Shorter work is not worth a display.
_PATIENCE = 0.4


class Display:
    """Lines for the searches that are running; `note` may be called from any thread."""

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.done = 0
        self.running: dict[str, Progress] = {}
        self._started = time.monotonic()
        self._live: Live | None = None
        self._lock = threading.Lock()

    def note(self, name: str, progress: Progress | None) -> None:
        """A search has got so far, or (None) has ended."""
        with self._lock:
            if progress is None:
                self.running.pop(name, None)
                self.done += 1
            else:
                self.running[name] = progress
            if self._live is None and time.monotonic() - self._started > _PATIENCE:
                self._begin()
            if self._live is not None:
                self._live.update(self._text())

    def _begin(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=Console(stderr=True), transient=True, refresh_per_second=8, auto_refresh=True
        )
        self._live.start()

    def _text(self) -> Any:
        from rich.text import Text

        of = f" of {self.total}" if self.total else ""
        lines = [f"{self.done}{of} done, {time.monotonic() - self._started:.0f} s; Ctrl-C stops"]
        for name, p in sorted(self.running.items()):
            rate = p.states / max(p.seconds, 1e-3)
            lines.append(
                f"  {name}: {p.states:,} states, {rate:,.0f}/s, depth {p.depth}, "
                f"{p.frontier:,} waiting, {p.bytes >> 20} MB"
            )
        return Text("\n".join(lines))

    def close(self) -> None:
        """Leave the terminal as it was."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None


@contextmanager
def display(total: int = 0) -> Iterator[Display | None]:
    """A display, if somebody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    made = Display(total)
    try:
        yield made
    finally:
        made.close()
