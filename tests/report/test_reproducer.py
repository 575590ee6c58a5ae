"""The C program: gcc takes it without a warning."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmspec.report.history import History
from mmspec.report.programs import Asked, asked
from mmspec.report.reproducer import _STATEMENTS, reproducer
from mmspec.scenarios import scenario_named


def _compiled(text: str, where: Path) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("apt install gcc")
    source, program = where / "reproducer.c", where / "reproducer"
    source.write_text(text)
    flags = ["-Wall", "-Wextra", "-Werror", "-O1", "-pthread"]
    done = subprocess.run(
        ["gcc", *flags, "-o", str(program), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return program


def test_gcc_takes_it(history: History, tmp_path: Path) -> None:
    _compiled(reproducer(history), tmp_path)


def test_hostile_names_are_only_remarks(hostile: History, tmp_path: Path) -> None:
    _compiled(reproducer(hostile), tmp_path)


def test_it_asks_what_the_scenario_asks(told: Callable[[str], History]) -> None:
    text = reproducer(told("race"))

    assert "map_at(huge(0), 1 * huge_size, 0);" in text
    assert "start_process(1);" in text
    assert "madvise(huge(1) - page_size, page_size, MADV_DONTNEED)" in text
    assert "bind_to(huge(0), 1 * huge_size, 0x2, " in text
    assert "store(huge(0) + 1 * page_size, 2);" in text


def test_it_says_where_to_delay(told: Callable[[str], History]) -> None:
    text = reproducer(told("race"))

    assert "\n * 1. task0 stops in mm/" in text
    assert (
        "\n * 2. task1 stops in mm/huge_memory.c:do_huge_pmd_wp_page(), after `mm 1 pmd[0]" in text
    )


def test_every_call_of_the_seed_is_known() -> None:
    scenario = scenario_named("seed")
    found = {
        call.name
        for case in scenario.cases
        for program in (case.set_up, *case.tasks)
        for call in asked(program, scenario.config, frozenset())
    }

    assert {"mmap", "store", "fork", "mbind", "madvise_dontneed"} <= found <= set(_STATEMENTS)


def test_a_call_that_is_not_known_is_left_to_be_written(
    told: Callable[[str], History], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(_STATEMENTS, "mbind")
    text = reproducer(told("bug"))

    assert "\t/* mbind(16384, 16384, 2, 4): to be written by hand */\n" in text
    _compiled(text, tmp_path)


def test_programs_that_look_at_memory_are_cut_off() -> None:
    scenario = scenario_named("seed")

    def odd() -> None:
        raise ValueError

    assert asked(odd, scenario.config, frozenset()) == [Asked("...", ())]
