"""The commands of the documentation print what it says they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mmspec.cli import main
from mmspec.kernels.fold import functions

DOCS = Path(__file__).parents[1] / "docs"


def examples(name: str) -> list[tuple[str, str]]:
    text = (DOCS / name).read_text()
    blocks = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(command, shown) for command, shown in blocks]


def pattern(shown: str) -> str:
    parts = [re.escape(part) for part in shown.rstrip("\n").split("...")]
    return "(?s:.*)".join(parts)


def test_the_tutorial_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = examples("tutorial.md")
    for command, shown in found:
        with pytest.raises(SystemExit):
            main(shlex.split(command)[1:])
        said = capsys.readouterr()
        assert re.fullmatch(pattern(shown), said.out.rstrip("\n")), command
        assert said.err == ""

    assert len(found) == 7


def test_the_reading_guide_names_functions_that_exist() -> None:
    text = (DOCS / "reading.md").read_text()
    named = re.findall(r"^\|.*?`(\w+\.py|spec/[\w/.]+)`(.*?)\|", text, re.MULTILINE)
    names = {name for _, rest in named for name in re.findall(r"`(\w+)`", rest)}

    assert len(names) > 8
    assert names <= set(functions())


def test_the_files_that_the_documentation_names_exist() -> None:
    root = DOCS.parent
    for page in [*DOCS.glob("*.md"), root / "README.md", root / "ARCHITECTURE.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), (page.name, target)
