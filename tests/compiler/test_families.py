"""Kernels compiled together behave as each of them compiled alone."""

import pytest

from tests.equality import cases, native
from tests.models.case import Case

FAMILIES = [case for case in cases() if len(case.kernels) > 1]


@pytest.mark.parametrize("case", FAMILIES, ids=str)
@pytest.mark.parametrize("merged", [False, True], ids=["full", "merged"])
def test_a_family_has_the_counts_of_each_kernel_alone(case: Case, merged: bool) -> None:
    alone = Case(case.tasks, set_up=case.set_up, kernels=(case.kernels[case.kernel],))

    found = native(alone, merged)

    assert found.counts == case.counts(merged)
    assert found.faults == set(case.faults)
