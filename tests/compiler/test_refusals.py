"""What is refused, and in which words: `refusals.txt` has each program and its message.

A program follows `from tests.compiler.vocabulary import *`, its first line; its task is `task`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mmspec.compiler.conventions import KernelView
from mmspec.compiler.errors import CompileError
from mmspec.compiler.system import System
from tests.compiler.vocabulary import FAST
from tests.modules import load_module

KERNELS = (KernelView(frozenset()), KernelView(frozenset((FAST,))))


def _refusals() -> list[object]:
    text = (Path(__file__).parent / "refusals.txt").read_text()
    found = []
    for part in ("\n" + text).split("\n## ")[1:]:
        name, _, rest = part.partition("\n")
        program, _, message = rest.partition("\n--\n")
        found.append(pytest.param(program + "\n", message.rstrip("\n"), id=name))
    return found


@pytest.mark.parametrize("program, message", _refusals())
def test_a_program_outside_the_language_is_refused_with_the_way_out(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header = "from tests.compiler.vocabulary import *\n"
    module = load_module(tmp_path / "program.py", header + program)

    with pytest.raises(CompileError) as refusal:
        System([module.task], kernels=KERNELS)

    assert str(refusal.value) == message


def test_refusals_have_a_place_a_caret_and_advice() -> None:
    for param in _refusals():
        _, message = param.values  # type: ignore[attr-defined]
        head, source, mark = message.split("\n")
        place, line, column, _ = head.split(":", 3)

        assert place == "program.py"
        assert source.startswith(f"{int(line):5d} | ")
        assert mark[8 + int(column) - 1] == "^"
        assert mark.rpartition("^")[2].lstrip("~").strip()
