"""`mmspec check` and `mmspec run`: output, exit codes, what is refused."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """`mmspec check seed`, as a user runs it, with its output piped."""
    return subprocess.run(
        [sys.executable, "-m", "mmspec", "check", "seed"],
        cwd=tmp_path_factory.mktemp("table"),
        capture_output=True,
        text=True,
    )


def test_the_table_ends_with_the_counts(table: subprocess.CompletedProcess[str]) -> None:
    lines = table.stdout.splitlines()
    words = [re.split(r"  +", line) for line in lines[3 : lines.index("", 3)]]
    verdicts = [word[1] for word in words]

    assert table.returncode == 1
    assert lines[-1] == (
        f"seed: {verdicts.count('violated')} violated, {verdicts.count('holds')} hold, "
        f"{verdicts.count('undetermined')} undetermined"
    )
    assert len(verdicts) > 10


def test_piped_output_has_no_colours(table: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in table.stdout
    assert table.stderr == ""


def test_the_question_is_answered(table: subprocess.CompletedProcess[str]) -> None:
    assert "v4.14 less the patch: can the bug still happen? no, not in this scope" in table.stdout


def test_late_detectors_show_themselves(table: subprocess.CompletedProcess[str]) -> None:
    late = table.stdout[table.stdout.index("CONFIG_DEBUG_VM off") :]

    for message in ("Bad rss-counter state", "Bad page state", "BUG_ON", "oops"):
        assert message in late


def test_what_is_not_explored_is_said(table: subprocess.CompletedProcess[str]) -> None:
    said = " ".join(table.stdout.split())

    assert re.search(r"Not explored: \d+ cases of kernels", said)
    assert "scope: 4 subpages, 24 frames" in said


def test_a_report_is_72_columns_wide_and_ends_with_the_verdict(mmspec: Run) -> None:
    said = mmspec("check", "seed", "--kernel", "V-A", "--workers", "1")

    assert said.code == 1
    assert max(map(len, said.out.splitlines())) <= 72
    assert said.out.splitlines()[-1] == "seed: violated"
    assert "violated no_processor_reaches_a_freed_page_through_its_TLB" in said.out
    assert "where    mm/rmap.c: try_to_unmap" in said.out


def test_a_trace_is_saved_and_the_command_that_replays_it_works(mmspec: Run) -> None:
    said = mmspec("check", "seed", "--kernel", "V-1", "--workers", "1")
    command = next(line for line in said.out.splitlines() if line.startswith("replay "))
    again = mmspec(*command.split()[2:])

    assert command == "replay   mmspec replay traces/seed-V-1.json"
    assert again.code == 1
    assert "violated no_page_is_freed_while_mapped" in again.out


def test_a_kernel_that_holds_leaves_no_trace(mmspec: Run) -> None:
    said = mmspec("check", "seed", "-k", "v4.14 fixed", "--case", "huge/split/zap")

    assert said.code == 0
    assert said.out.splitlines()[-1] == "seed: holds"
    assert not Path("traces").exists()


def test_a_kernel_notices_at_exit_what_its_page_tables_lost(mmspec: Run) -> None:
    said = mmspec("check", "seed", "-k", "V-N", "--no-debug-vm", "--as-the-kernel")

    assert said.code == 1
    assert "BUG: Bad rss-counter state mm:mm 0 idx:1 val:4 (MM_ANONPAGES)" in said.out
    assert "BUG: non-zero nr_ptes on freeing mm: 1" in said.out


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (("--states", "1000"), "the limit of states was reached"),
        (("--seconds", "0.000001"), "time ran out"),
    ],
)
def test_a_budget_that_runs_out_is_undetermined(
    mmspec: Run, budget: tuple[str, ...], reason: str
) -> None:
    said = mmspec("check", "seed", "-k", "v4.14 fixed", "--case", "both/split/write", *budget)

    assert said.code == 2
    assert reason in " ".join(said.out.split())
    assert said.out.splitlines()[-1] == "seed: undetermined"


def test_workers_and_reductions_keep_the_verdict(mmspec: Run) -> None:
    asked = ("check", "seed", "-k", "v4.14 fixed", "--case", "huge/bind/zap")
    runs = [asked, (*asked, "--workers", "2"), (*asked, "--no-memo"), (*asked, "--no-merge")]

    said = [mmspec(*run) for run in runs]

    counted = [re.search(r"([\d,]+) states, ([\d,]+) trans", one.out) for one in said]
    assert [one.code for one in said] == [0, 0, 0, 0]
    assert counted[0] and counted[1] and counted[2] and counted[3]
    assert counted[0][0] == counted[1][0] == counted[2][0]
    assert int(counted[3][1].replace(",", "")) > int(counted[0][1].replace(",", ""))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "sead"), "did you mean seed"),
        (("check", "seed", "-k", "v9.9"), "there is no kernel 'v9.9'"),
        (("check", "seed", "-k", "v4.14", "--without", "NOTHING"), "there is no change 'NOTHING'"),
        (("check", "seed", "-k", "v4.13", "--without", "THP_MIGRATION"), "v4.13 does not have"),
        (("check", "seed", "-k", "v4.14", "--without", "THP_MIGRATION"), "--without"),
        (("check", "seed", "--without", "THP_MIGRATION"), "need --kernel"),
        (("check", "seed", "-k", "v4.13", "--case", "huge/split/zap"), "needs MBIND_MOVES_THP"),
        (("check", "seed", "-k", "v4.14", "--case", "huge/split/zip"), "did you mean"),
        (("check", "seed", "--property", "no_stores_are_lost"), "did you mean no_store_is_lost"),
        (("check", "seed", "--states", "0"), "--states"),
        (("check",), "Missing argument"),
        (("chekc", "seed"), "No such command"),
        (("run", "seed", "--runs", "many"), "not a valid integer"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    mmspec: Run, arguments: tuple[str, ...], words: str
) -> None:
    said = mmspec(*arguments)

    assert said.code == 3
    assert words in said.err
    assert "Traceback" not in said.err


def test_help_teaches(mmspec: Run) -> None:
    said = mmspec("check", "--help")

    assert said.code == 0
    for word in ("holds", "violated", "undetermined", "exit code", "mmspec check seed"):
        assert word in said.out


def test_random_runs_find_a_bug_and_are_repeatable(mmspec: Run) -> None:
    asked = (
        "run",
        "seed",
        "-k",
        "V-1",
        "--seed",
        "3",
        "--runs",
        "500",
        "--case",
        "huge/bind/write",
    )
    first, second = mmspec(*asked), mmspec(*asked)

    assert first.code == 1
    assert first.out == second.out
    assert json.loads(Path("traces/seed-V-1-run.json").read_text())["case"] == "huge/bind/write"


def test_random_runs_that_find_nothing_are_undetermined(mmspec: Run) -> None:
    said = mmspec(
        "run", "seed", "-k", "v4.14 fixed", "--case", "huge/split/zap", "--runs", "50", "--pct", "3"
    )

    assert said.code == 2
    assert said.out.splitlines()[-1] == "seed: undetermined: nothing found in 50 runs"


def test_a_deadlock_says_who_waits_and_who_has_the_lock(mmspec: Run) -> None:
    said = mmspec(
        "check", "seed", "-k", "V-1", "--no-debug-vm", "--as-the-kernel", "--case", "small/bind/zap"
    )

    assert said.code == 1
    assert "INFO: task task0:0 blocked for more than 120 seconds." in said.out
    assert "waits in spin_lock(table 0 ptl) < remove_migration_pte" in said.out
    assert "table 0 ptl is held by task0" in said.out


def test_another_size_is_another_scope(mmspec: Run) -> None:
    said = mmspec("check", "seed", "-k", "v4.14 fixed", "--size", "order=1", "--size", "frames=12")

    assert said.code == 0
    assert "2 subpages, 12 frames on 2 nodes" in said.out


def test_a_scope_in_which_nothing_happens_is_no_pass(mmspec: Run) -> None:
    said = mmspec("check", "seed", "-k", "v4.14", "--size", "frames=4")

    assert said.code == 2
    assert "reached: a huge page is taken apart (__split_huge_page)" in said.out


@pytest.mark.parametrize("text", ["order", "order=x", "order=0", "order=-1", "odrer=2"])
def test_a_size_that_is_none_is_refused(mmspec: Run, text: str) -> None:
    said = mmspec("check", "seed", "--size", text)

    assert said.code == 3
    assert "order" in said.err or "odrer" in said.err


def test_ctrl_c_gives_a_partial_answer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmspec", "check", "seed", "-k", "v4.13 fixed"]
    command += ["--size", "order=3", "--size", "frames=48", "--no-merge", "--workers", "1"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        # a shell starts what is in the background with the signal ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "it was interrupted" in " ".join(out.split())
    assert out.splitlines()[-1] == "seed: undetermined"
