"""Fuzz everything that reads files: `python -m tests.fuzz [--cases N]`, or `make fuzz`.

A reader may refuse what it is given, by a ModelError of one line; any other exception is a failure,
and so is a case that takes more than a few seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mmspec.lang.context import ModelError

#: Seconds that one case may take.
PATIENCE = 5.0

TRACE: dict[str, Any] = {
    "format": "mmspec-trace",
    "version": 1,
    "scenario": "seed",
    "case": "huge/bind/write",
    "config": {"order": 2},
    "kernel": {"name": "v4.14", "changes": ["FREEZE_IN_ONE_CALL"], "debug_vm": True},
    "watched": True,
    "merged": True,
    "violation": {"property": None, "kind": "deadlock", "text": "", "task": -1, "exits": 0},
    "schedule": [[0, 0], [1, 0]],
    "source": "",
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def traces(draw: st.DrawFn) -> bytes:
    """Bytes, JSON, or a trace with some members replaced, renamed or cut off."""
    form = draw(st.integers(0, 9))
    if form == 0:
        return draw(st.binary(max_size=200))
    if form == 1:
        return json.dumps(draw(anything)).encode()
    data = json.loads(json.dumps(TRACE))
    for _ in range(draw(st.integers(1, 3))):
        place = data
        if draw(st.booleans()):
            place = data.get(draw(st.sampled_from(["config", "kernel", "violation"])))
            if not isinstance(place, dict):
                continue
        name = draw(st.sampled_from(sorted(place)) if place else st.text(max_size=5))
        if draw(st.booleans()):
            place[name] = draw(anything)
        else:
            place.pop(name, None)
    text = json.dumps(data)
    return text[: draw(st.integers(0, len(text)))].encode() if form == 2 else text.encode()


WORDS = (
    "CPU0", "CPU1", "CPU 2", "Thread A", "task1:", "->", "...", "-", "|", "> ", "\t", "    ",
    "split_huge_page", "try_to_unmap_one(page 0)", "put_page()", "do_page_fault", "mbind",
    "page 0 refcount = 2", "pmd is none", "mm 0 pmd[0] = migration entry", "(comment)", "/* x */",
    "kernel: v4.14", "scenario: seed", "case: huge/bind/write", "columns: bind, write", "map: a=b",
    "BUG: Bad page state", "refcount", "=", "is", "0", "<script>", "\u2026", "\x00", "%s",
)  # fmt: skip


@st.composite
def diagrams(draw: st.DrawFn) -> bytes:
    """Bytes, text, or lines of what diagrams are made of."""
    form = draw(st.integers(0, 9))
    if form == 0:
        return draw(st.binary(max_size=300))
    if form == 1:
        return draw(st.text(max_size=300)).encode("utf-8", "surrogatepass")
    words = st.sampled_from(WORDS) | st.text(max_size=6)
    lines = st.lists(st.lists(words, max_size=6).map("  ".join), max_size=12)
    head = draw(
        st.sampled_from(["", "CPU0                CPU1\n", "kernel: v4.14\n\nCPU0   CPU1\n"])
    )
    return (head + "\n".join(draw(lines))).encode("utf-8", "surrogatepass")


# ------------------------------------------------------------------------------ what reads


def read_trace(path: Path) -> None:
    """`mmspec replay`, up to the first step."""
    from mmspec.report.trace import load

    load(path)


def read_diagram(path: Path) -> None:
    """`mmspec judge`, up to the search."""
    from mmspec.judge.bench import kernel_names
    from mmspec.judge.claims import Vocabulary
    from mmspec.judge.diagram import read

    read(path.read_bytes(), Vocabulary(set(kernel_names().values()), ("locked", "head")))


READERS: dict[str, tuple[Any, Callable[[Path], None]]] = {
    "traces": (traces(), read_trace),
    "diagrams": (diagrams(), read_diagram),
}


def fuzz(name: str, cases: int) -> list[str]:
    """What one reader does wrong, a line each."""
    strategy, reader = READERS[name]
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mmspec-fuzz-") as made:
        path = Path(made) / "file"

        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def one(data: bytes) -> None:
            path.write_bytes(data)
            begun = time.monotonic()
            try:
                reader(path)
            except ModelError as error:
                if "Traceback" in str(error):
                    failures.append(f"{name}: a traceback for {data!r}")
            except Exception as error:
                failures.append(f"{name}: {type(error).__name__}: {error} for {data!r}"[:400])
            if time.monotonic() - begun > PATIENCE:
                failures.append(f"{name}: {time.monotonic() - begun:.0f} s for {data!r}"[:400])

        one()
    return failures


def main() -> int:
    """Fuzz all readers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="for each reader")
    chosen = parser.parse_args()
    failures: list[str] = []
    for name in READERS:
        found = fuzz(name, chosen.cases)
        print(f"{name}: {chosen.cases} cases, {len(found)} failures", flush=True)
        failures += found
    for failure in list(dict.fromkeys(failures))[:20]:
        print(f"  {failure}")
    print(f"fuzz: {chosen.cases * len(READERS)} cases, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
