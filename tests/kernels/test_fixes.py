"""A kernel with all fixes has every fix that the museum knows."""

from __future__ import annotations

from mmspec.kernels.releases import LATER_FIXES, YOUNG_AND_DIRTY, v4_13, v4_14, v4_14_fixed
from mmspec.museum import bugs


def test_v4_14_with_all_fixes_has_the_fix_of_every_exhibit_that_it_can_have() -> None:
    made = v4_14.with_all_fixes()
    # what v6.1 does better mends no fault of v4.14, and hides some
    known = {bug.fixed for bug in bugs()} - set(YOUNG_AND_DIRTY)
    fixes = {fix for fix in known if all(need in made for need in fix.needs)}

    assert len(fixes) > 20
    assert fixes <= made.changes


def test_it_is_the_kernel_that_exhibits_and_scenarios_call_fixed() -> None:
    assert v4_14.with_all_fixes() == v4_14_fixed
    assert v4_14_fixed.changes == v4_14.with_(*LATER_FIXES).changes


def test_an_older_kernel_gets_those_that_it_can_have() -> None:
    made = v4_13.with_all_fixes()

    assert made.name == "v4.13 with later fixes"
    assert all(need in made for change in made for need in change.needs)
    assert {c for c in LATER_FIXES if not c.needs} <= made.changes
