"""The sequence diagram: drawn by Mermaid itself, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmspec.report.history import History
from mmspec.report.mermaid import mermaid
from tests.report.conftest import READERS

MERMAID = READERS / "mermaid" / "dist" / "mermaid.min.js"


def _drawn(browser: Any, tmp_path: Path, text: str) -> str:
    if not MERMAID.exists():
        pytest.skip("npm install --ignore-scripts --prefix tests/report/readers")
    page = tmp_path / "page.html"
    page.write_text(f'<!DOCTYPE html><body><script src="{MERMAID.as_uri()}"></script>')
    browser.get(page.as_uri())
    return str(
        browser.execute_async_script(
            """
            const done = arguments[1];
            mermaid.initialize({ startOnLoad: false });
            mermaid.render("drawing", arguments[0]).then((r) => done(r.svg), (e) => done("" + e));
            """,
            text,
        )
    )


def test_mermaid_draws_it(history: History, browser: Any, tmp_path: Path) -> None:
    svg = _drawn(browser, tmp_path, mermaid(history))

    assert svg.startswith("<svg"), svg[:500]
    for task in history.trace.case.tasks:
        assert task.__name__ in svg
    assert history.ending.headline.split()[0] in svg


def test_hostile_names_are_only_text(hostile: History, browser: Any, tmp_path: Path) -> None:
    svg = _drawn(browser, tmp_path, mermaid(hostile))

    assert svg.startswith("<svg"), svg[:500]
    assert browser.execute_script("return window.hacked") is None
