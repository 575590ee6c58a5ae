"""`mmspec judge` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mmspec.cli.judging import judge_command
from mmspec.cli.replaying import replay_command
from mmspec.lang.context import ModelError
from mmspec.report.trace import load
from tests.judge.collection import DIRECTORY


def judge(*arguments: str, given: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(judge_command, list(arguments), input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_feasible_diagram_is_saved_as_a_trace(tmp_path: Path) -> None:
    file = DIRECTORY / "pmd_frozen_whole_fault_waits.txt"

    code, text = judge(str(file), "-k", "V-C", "-o", str(tmp_path))

    assert code == 0
    assert text.endswith("judge: feasible\n")
    assert "violates no_assertion_fails" in text
    trace = load(next(tmp_path.glob("*.json")))
    assert trace.violation.kind == "VM_BUG_ON"
    assert not trace.merged


def test_an_infeasible_one_says_what_holds_instead_and_what_would_do(tmp_path: Path) -> None:
    file = DIRECTORY / "wrong_refcount_when_frozen.txt"

    code, text = judge(str(file), "-k", "v4.14 fixed", "-o", str(tmp_path))

    assert code == 1
    assert "not      reached: line 9, `__split_huge_pmd_locked()`" in text
    assert "nearest  it is feasible if line 8 says `page 0 refcount is 2`" in text
    assert not list(tmp_path.iterdir())


def test_a_function_of_a_later_kernel_is_never_called(tmp_path: Path) -> None:
    file = DIRECTORY / "fault_waits_for_migrating_pmd.txt"

    code, text = judge(str(file), "-k", "v4.13", "-o", str(tmp_path))

    assert code == 1
    assert "CPU0 never calls set_pmd_migration_entry() on this kernel" in text


def test_what_is_not_read_leaves_it_undetermined(tmp_path: Path) -> None:
    text = "CPU0            CPU1\nsplit_huge_pages_set()\n                waves its hands\n"

    code, said = judge("-", "-o", str(tmp_path), given=text)
    mapped, _ = judge("-", "--map", "waves its hands=-", "-o", str(tmp_path), given=text)

    assert code == 2
    assert "line 3: waves its hands" in said
    assert mapped == 0


def test_columns_that_no_case_has_are_undetermined(tmp_path: Path) -> None:
    text = "CPU0            CPU1\nzap_huge_pmd()\n                copy_huge_pmd()\n"

    code, said = judge("-", "--scenario", "seed", "-o", str(tmp_path), given=text)

    assert code == 2
    assert "no case of seed has tasks for these columns" in " ".join(said.split())


def test_scenarios_are_proposed_by_the_functions_that_are_named(tmp_path: Path) -> None:
    text = "CPU0                    CPU1\nclear_refs_write()\n"
    text += "                        split_huge_pages_set()\n"

    code, said = judge("-", "-o", str(tmp_path), given=text)
    seed, why = judge("-", "--scenario", "seed", "-o", str(tmp_path), given=text)

    assert code == 0
    assert "read as  tracked, case huge/track/split, on v4.14" in said
    assert seed == 2
    assert "clear_refs_write(), which write never calls" in " ".join(why.split())


WAITING = """\
CPU0                            CPU1
split_huge_page(page 0)
                                do_page_fault()
                                  migration_entry_wait() waits
unlock_page(page 0)
                                  {}
"""


@pytest.mark.parametrize(
    ("last", "answer"), [("migration_entry_wait() returns", 0), ("mbind() returns", 2)]
)
def test_a_column_can_wait(last: str, answer: int, tmp_path: Path) -> None:
    given = ("-", "--case", "small/split/write", "-k", "v4.14 fixed", "-o", str(tmp_path))

    code, _ = judge(*given, given=WAITING.format(last))

    assert code == answer


@pytest.mark.parametrize(("value", "answer"), [("false", 0), ("true", 1), ("0", 0)])
def test_what_a_function_returns_counts(value: str, answer: int, tmp_path: Path) -> None:
    text = "CPU0                     CPU1\nfreeze_page(page 0)\n"
    text += f"                         get_page_unless_zero() returns {value}\n"
    given = ("-", "--case", "small/split/write", "-k", "v4.14 fixed", "-o", str(tmp_path))

    code, _ = judge(*given, given=text + "page_ref_freeze(page 0)\n")

    # a tail has no references of its own, so there is none to get
    assert code == answer


def test_a_function_that_only_computes_is_not_looked_for(tmp_path: Path) -> None:
    text = "CPU0            CPU1\npte_present()\n                store()\n"

    code, said = judge("-", "--case", "small/split/write", "-o", str(tmp_path), given=text)

    assert code == 2
    assert "pte_present() only computes" in said


def test_time_that_runs_out_is_no_verdict(tmp_path: Path) -> None:
    file = DIRECTORY / "wrong_two_hold_the_page_lock.txt"

    code, text = judge(str(file), "-k", "v4.14", "--nodes", "500", "-o", str(tmp_path))

    assert code == 2
    assert "more than 500 nodes" in text


@pytest.mark.parametrize("text", ["", "\x00", "no columns here\n", "CPU0  CPU1\n"])
def test_what_is_no_diagram_is_an_error_of_usage(text: str) -> None:
    with pytest.raises(ModelError):
        judge("-", given=text)


def test_an_unknown_kernel_or_case_is_an_error_of_usage() -> None:
    file = str(DIRECTORY / "zap_after_split.txt")

    for option in (["-k", "v9.9"], ["--case", "no/such/case"], ["--columns", "a,b"]):
        with pytest.raises(ModelError):
            judge(file, *option)


def test_a_harmless_interleaving_is_replayed_as_such(tmp_path: Path) -> None:
    file = str(DIRECTORY / "zap_after_split.txt")

    code, text = judge(file, "-k", "v4.14 fixed", "-o", str(tmp_path))
    replayed = CliRunner().invoke(replay_command, [str(next(tmp_path.glob("*.json")))])

    assert code == 0
    assert "violates nothing" in text
    assert replayed.exit_code == 0
    assert "mmspec:" not in replayed.output
