"""The page as a file: whole, small, and safe whatever is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from mmspec.report.glossary import LEGEND, meaning
from mmspec.report.history import History
from mmspec.report.html import html
from mmspec.report.lanes import lanes
from tests.report.conftest import HOSTILE


class _Elements(HTMLParser):
    """All elements with their attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style"):
            self.texts.append((self.found[-1][0], data))


def _data(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_it_is_one_file_that_asks_the_network_for_nothing(history: History) -> None:
    page = html(history)
    for _, attributes in _Elements(page).found:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name) or ""
            assert re.match(r"^(#|data:,$|$)", value), value

    assert "url(" not in page.replace("base-uri", "")
    assert "@import" not in page


def test_it_is_small(told: Callable[[str], History]) -> None:
    history = told("race")

    assert len(history.steps) > 500
    assert len(html(history).encode()) < 1_000_000


def test_only_its_own_script_and_style_may_run(history: History) -> None:
    page = html(history)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for kind, opening in (("script", "<script>"), ("style", "<style>")):
        text = page.split(opening, 1)[1].split(f"</{kind}>", 1)[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]

    assert "default-src 'none'" in policy[1]
    assert not any(
        name.startswith("on") or name == "style"
        for _, attributes in _Elements(page).found
        for name in attributes
    )


def test_hostile_names_stay_text(hostile: History) -> None:
    page = html(hostile)
    tags = [tag for tag, _ in _Elements(page).found]

    assert "<img" not in page
    assert tags.count("script") == 2
    assert page.count("</script>") == 2
    assert "{{7*7}}" in page and ">49" not in page
    assert HOSTILE in _data(page)["strings"]


def test_every_step_is_in_it(history: History) -> None:
    data = _data(html(history))

    assert [step["t"] for step in data["steps"]] == [step.task for step in history.steps]
    assert data["end"]["splat"] == list(history.ending.splat)


def test_the_legend_explains_every_field(history: History) -> None:
    for lane in lanes(history):
        assert lane.meaning, (lane.thing, lane.label)


def test_the_legend_explains_what_a_newcomer_asks() -> None:
    words = ("PMD", "PTE", "THP", "TLB", "refcount", "mapcount", "migration entry", "rmap", "VMA")

    assert all(meaning(word) for word in words)
    assert len({term for _, entries in LEGEND for term, _ in entries}) == sum(
        len(entries) for _, entries in LEGEND
    )


def test_lanes_are_of_all_kinds(told: Callable[[str], History]) -> None:
    found = {lane.thing for lane in lanes(told("race"))}

    assert {"table 0", "page 0", "TLB of CPU1", "table 0 ptl", "mm 0"} <= found
