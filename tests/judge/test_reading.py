"""Diagrams as people type, quote and break them; and what is no diagram."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from mmspec.judge.claims import Vocabulary
from mmspec.judge.diagram import Diagram, read
from mmspec.judge.layout import MOST_BYTES, DiagramError

NAMES = {"foo", "bar", "split_huge_page", "put_page", "get_page", "do_page_fault", "lock_page"}
FLAGS = {"locked", "dirty", "lru", "head", "uptodate"}


def reading(text: str | bytes, meant: dict[str, str] | None = None) -> Diagram:
    return read(text, Vocabulary(NAMES, FLAGS, meant), ["write"])


def said(text: str, meant: dict[str, str] | None = None) -> list[tuple[int, str]]:
    """Claims by column."""
    return [
        (line.column, str(claim)) for line in reading(text, meant).lines for claim in line.claims
    ]


@pytest.mark.parametrize(
    "text",
    [
        "CPU0          CPU1\nfoo()\n              bar()\n",
        "CPU 0\t\tCPU 1\n-----\t\t-----\nfoo\n\t\tbar\n",
        "> CPU0          CPU1\n> foo()\n>               bar()\n",
        "> > Thread A    Thread B\n> >   foo(page);\n> >             bar(vma, addr)\n",
        "  CPU0      |   CPU1\n  ----------+---------\n  foo()     |\n            |   bar()\n",
        "CPU0          CPU1\n\nfoo()\n\n...\n              ...\n              bar() {\n",
        "migrate        write\n-------        -----\nfoo()     ->\n               bar()\n",
    ],
)
def test_columns_are_found_however_they_are_drawn(text: str) -> None:
    assert said(text) == [(0, "foo()"), (1, "bar()")]


@pytest.mark.parametrize(
    ("cell", "claims"),
    [
        ("page 0 refcount = 2", ["page 0 refcount = 2"]),
        ("refcount is 2", ["refcount is 2"]),
        ("page refcount drops to 0", ["refcount = 0"]),
        ("refcount of page 3 == 1", ["page 3 refcount is 1"]),
        ("page->_refcount == 1", ["refcount is 1"]),
        ("PMD is none", ["pmd is none"]),
        ("*pmd = migration entry", ["pmd = migration entry"]),
        ("pmd[0] is cleared", ["pmd[0] is none"]),
        ("page is locked", ["flags is locked"]),
        ("page 3 is not locked", ["page 3 flags is not locked"]),
        ("put_page(page 1)  /* refcount is 0 */", ["put_page(page 1)", "refcount is 0"]),
        ("put_page(page) (frees it)", ["put_page()"]),
        ("put_page() returns", ["put_page() returns"]),
        ("split_huge_page(page) returns -EBUSY", ["split_huge_page() returns -EBUSY"]),
        ("get_page() returns the page", []),
        ("lock_page() waits", ["waits in lock_page()"]),
        ("blocks in lock_page(page)", ["waits in lock_page()"]),
        ("waits", ["waits"]),
        ("waits for rain", []),
        ("if (!lock_page(page))", []),
        ("… foo(page 0)", ["in foo(page 0)"]),
        ("BUG: Bad page state in process x", ["BUG: Bad page state in process x"]),
    ],
)
def test_cells_are_understood(cell: str, claims: list[str]) -> None:
    diagram = reading(f"CPU0{' ' * 70}CPU1\n{cell}\nfoo()\n")

    found = [str(claim) for line in diagram.lines for claim in line.claims]

    assert found == [*claims, "foo()"]
    assert bool(diagram.unread) is not bool(claims)


def test_what_is_not_understood_is_listed_and_not_guessed() -> None:
    diagram = reading("CPU0          CPU1\nfoo()\n              frobs the page\n")

    assert [(line.number, line.text) for line in diagram.unread] == [(3, "frobs the page")]


def test_a_map_says_what_a_text_means() -> None:
    text = "CPU0          CPU1\nfoo()\n              frobs the page\nthen a miracle\n"

    found = said(text, {"frobs the page": "bar()", "Then  a miracle": "-"})

    assert found == [(0, "foo()"), (1, "bar()")]


def test_broken_lines_are_made_whole() -> None:
    text = "CPU0              CPU1\nfoo\n page 0 flags =\n   locked|dir\n   ty\n bar(page\n   0)\n"

    assert said(text) == [(0, "foo()"), (0, "page 0 flags = locked|dirty"), (0, "bar(page 0)")]


def test_an_equals_sign_on_a_line_of_its_own_is_part_of_what_is_said() -> None:
    text = "CPU0          CPU1\nfoo()\n page 0 flags\n   =\n   uptodate|\n   lru\n"

    assert said(text) == [(0, "foo()"), (0, "page 0 flags = uptodate|lru")]
    assert not reading(text).unread


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no line with the names of the columns"),
        (b"\xff\xfe\x00", "not text"),
        (b"a\x00b", "control characters"),
        (b"x" * (MOST_BYTES + 1), "too large"),
        (b"CPU0   CPU1\n" * 700, "too long"),
        (b"CPU0   CPU1\n" + b"y" * 500, "too wide"),
        (b"CPU0   CPU1\n", "nothing below"),
        (b"CPU0  CPU1  CPU2  CPU3  CPU4\nfoo()\n", "5 columns are too many"),
        (b"---\nnonsense\n---\nCPU0  CPU1\n", "no `key: value`"),
        (b"CPU0  CPU1\n" + b"page 1,2,3,4,5,6,7,8,9 refcount = 1\n" * 99, "too much"),
    ],
)
def test_what_is_no_diagram_is_refused_in_a_line(data: bytes, text: str) -> None:
    with pytest.raises(DiagramError) as caught:
        reading(data)

    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_noise_is_read_or_refused_but_never_crashes() -> None:
    pieces = ["foo()", "CPU0", "CPU1", "   ", "\t", "=", "page 0", "(", ")", "|", "…", "/*", "is"]
    random.seed(1)
    for _ in range(2000):
        lines = ["CPU0        CPU1"] * (random.random() < 0.8)
        for _ in range(random.randint(0, 6)):
            lines.append(" ".join(random.choices(pieces, k=random.randint(0, 9))))
        try:
            reading("\n".join(lines))
        except DiagramError:
            continue


def test_hostile_text_takes_no_time() -> None:
    random.seed(2)
    lines = ["CPU0" + " " * 100 + "CPU1", "(" * 190 + ")" * 190, "a =" * 120, "/*" * 150]
    pieces = ["=", "page ", "(", ")", "foo(", "/*", "*/", " is ", "|", ",", "locked|", "page 0,1 "]
    for n in range(300):
        lines.append(" " * (n % 40) + "".join(random.choices(pieces, k=40))[:300])
    started = time.monotonic()

    with contextlib.suppress(DiagramError):
        reading("\n".join(lines))

    assert time.monotonic() - started < 10
