"""What `make bench` says of its figures; the figures are its own business."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.figures import KEPT, Bar, Figure, Figures
from benchmarks.processes import BenchError, require

FIGURES = Figures(
    [
        Figure("search, ratio", 23.14, bar=Bar(">=", 8), key="states_ratio"),
        Figure("verdict, ratio", 65.6, bar=Bar(">=", 20), key="end_to_end_ratio"),
        Figure("memory", 28.41, "bytes/state", Bar("<=", 48), "of a case", "bytes_per_state"),
        Figure("check, cold", 2.7, "s", Bar("<=", 5), key="cold_s"),
        Figure("check, warm", 1.1, "s", Bar("<=", 1), key="warm_s"),
        Figure("memory, peak", 439.6, "MB", Bar("<=", 1000), key="peak_mb"),
        Figure("protocol B", 5, "M states/CPU s"),
    ],
    [("both/bind/write", "2", "4", "107,738", "209,031", "53.7", "0.03", "")],
)


def test_the_last_line_has_every_figure_that_is_promised() -> None:
    assert FIGURES.last_line() == (
        "bench: states_ratio=23.1 end_to_end_ratio=65.6 bytes_per_state=28.4"
        " cold_s=2.7 warm_s=1.1 peak_mb=440"
    )


def test_one_bar_that_is_not_met_is_enough() -> None:
    assert [figure.name for figure in FIGURES.figures if not figure.met] == ["check, warm"]
    assert not FIGURES.met


def test_only_the_tables_of_the_kept_text_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(KEPT.read_text() + "\nafter\n")

    FIGURES.keep(path)

    text = path.read_text()
    assert text.startswith(KEPT.read_text().partition("<!--")[0])
    assert text.endswith("\nafter\n")
    assert "| memory | 28.4 bytes/state | <= 48 | met | of a case |" in text
    assert "| check, warm | 1.1 s | <= 1 | not met |  |" in text
    assert "CPython" in text


def test_a_missing_tool_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BenchError) as error:
        require("spin", "gcc")

    assert str(error.value) == "spin and gcc not found; on Debian: apt install spin gcc"
