"""`mmspec museum`: what it prints, and what it returns."""

from __future__ import annotations

from click.testing import CliRunner

from mmspec.cli.museums import museum_command
from mmspec.museum import bug_named


def test_one_exhibit_is_told_with_its_trace() -> None:
    ran = CliRunner().invoke(museum_command, ["soft_dirty_lost_in_pmd_split"])

    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[0] == "soft_dirty_lost_in_pmd_split: 804dd150468c (v4.8)"
    assert " 1. zap_part: __split_huge_pmd_locked: writes val" in lines
    assert lines[-1] == "with the fix: alone: holds"


def test_a_kernel_is_asked_for_one_fault() -> None:
    steps = bug_named("soft_dirty_taken_for_pse").steps
    ran = CliRunner().invoke(
        museum_command,
        ["soft_dirty_taken_for_pse", "-k", "v4.14", "--without", "SWP_SOFT_DIRTY_IN_BIT_1"],
    )

    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        "kernel: v4.14 - SWP_SOFT_DIRTY_IN_BIT_1, with fixes of the other exhibits",
        f"soft_dirty_taken_for_pse  has it    after {steps} steps: no page is freed while mapped",
        "museum: v4.14 - SWP_SOFT_DIRTY_IN_BIT_1 has 1, has not 0, not known 0",
    ]


def test_changes_need_a_kernel() -> None:
    ran = CliRunner().invoke(museum_command, ["--without", "SPLIT_FREEZE_FLAG"])

    assert "--with and --without need --kernel" in ran.output
