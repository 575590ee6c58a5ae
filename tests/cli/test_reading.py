"""`mmspec show`, `diff`, `list`, `export`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_function_is_shown_as_one_kernel_has_it(mmspec: Run) -> None:
    old = mmspec("show", "try_to_unmap_one", "-k", "v4.13").out
    new = mmspec("show", "try_to_unmap_one", "-k", "v4.14").out

    assert old.startswith("# mm/rmap.c, as of ")
    assert "has(" not in old + new
    assert "freeze = TTU_MIGRATION\n" in old
    assert "freeze = TTU_SPLIT_FREEZE\n" in new
    assert "set_pmd_migration_entry" in new
    assert "set_pmd_migration_entry" not in old
    assert "# a huge page still mapped by a PMD?" in old


def test_a_kernel_may_be_written_with_changes_put_in_and_taken_out(mmspec: Run) -> None:
    said = mmspec("show", "try_to_unmap_one", "-k", "v4.14-SPLIT_FREEZE_FLAG")

    assert "freeze = TTU_MIGRATION\n" in said.out


def test_kernels_are_compared(mmspec: Run) -> None:
    said = mmspec("diff", "v4.13", "v4.14", "try_to_unmap_one")

    assert "-    freeze = TTU_MIGRATION" in said.out
    assert "+    freeze = TTU_SPLIT_FREEZE" in said.out
    assert said.code == 0


def test_all_functions_are_compared(mmspec: Run) -> None:
    said = mmspec("diff", "v4.13", "v4.14")

    files = {line.split()[1].split(":")[0] for line in said.out.splitlines() if line[:3] == "+++"}
    assert {"mm/rmap.c", "mm/huge_memory.c", "mm/mempolicy.c", "mm/memory.c"} <= files


def test_what_can_be_named_is_listed(mmspec: Run) -> None:
    said = mmspec("list")

    for name in ("seed", "v4.14", "SPLIT_FREEZE_FLAG", "b5ff8161e37c", "no_store_is_lost"):
        assert name in said.out


def test_an_unknown_function_has_neighbours(mmspec: Run) -> None:
    said = mmspec("show", "try_to_unmap_on")

    assert said.code == 3
    assert "did you mean try_to_unmap_one" in said.err


def test_a_model_is_exported_to_a_file(mmspec: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.pml"
    said = mmspec("export", "seed", "--promela", "--case", "huge/split/zap", "-o", str(path))

    assert said.code == 0
    assert "proctype" in path.read_text()


def test_a_directory_that_is_not_there_is_an_error(mmspec: Run) -> None:
    said = mmspec("export", "seed", "--promela", "-o", "/nowhere/model.pml")

    assert said.code == 3
    assert "/nowhere/model.pml" in said.err
