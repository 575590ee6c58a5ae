"""The pytest plugin, the public interface, and the example of a change of one's own."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import mmspec
from mmspec.cli import main

ROOT = Path(__file__).parents[1]


def pytest_in(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugin = ["-p", "no:cacheprovider", "-p", "mmspec.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True)


def test_a_change_of_ones_own_is_found_out() -> None:
    ran = pytest_in(ROOT / "examples", "--mmspec-workers", "2")

    assert "1 failed, 3 passed" in ran.stdout
    assert "FAILED test_my_change.py::test_it_holds_with_my_change" in ran.stdout
    assert "CPU0                                 CPU1" in ran.stdout
    assert "violated no_processor_reaches_a_page_that_has_moved" in ran.stdout


def test_a_trace_is_replayed_as_a_test(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    try:
        main(["check", "seed", "-k", "V-C", "--workers", "1"])
    except SystemExit as exit:
        assert exit.code == 1
    trace = tmp_path / "traces" / "seed-V-C.json"
    ran = pytest_in(tmp_path, "--mmspec-replay", str(trace))

    assert ran.returncode == 1
    assert "kernel BUG at mm/migrate.c:remove_migration_pte()" in ran.stdout
    assert "1 failed" in ran.stdout


def test_a_trace_that_is_none_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    ran = pytest_in(tmp_path, "--mmspec-replay", "no.json")

    assert ran.returncode == 1
    assert "no.json: 'format' is missing" in ran.stdout


def test_the_mark_says_what_is_checked(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.mmspec('seed', kernel='V-C', expect='violated')\n"
        "def test_it(mmspec_check):\n"
        "    assert mmspec_check().shortest.violation.kind == 'VM_BUG_ON'\n"
        "@pytest.mark.mmspec('seed', kernel='v4.14 fixed', cases=['huge/split/zap'])\n"
        "def test_that(mmspec_check):\n"
        "    assert len(mmspec_check().cases) == 1\n"
    )
    ran = pytest_in(tmp_path)

    assert "2 passed" in ran.stdout


def test_the_examples_of_the_public_interface_run() -> None:
    found = doctest.testmod(mmspec)

    assert found.attempted == 4
    assert found.failed == 0


def test_the_examples_of_the_library_page_run() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)

    assert found.attempted == 20
    assert found.failed == 0


def test_all_public_names_are_there() -> None:
    for name in mmspec.__all__:
        assert getattr(mmspec, name) is not None
