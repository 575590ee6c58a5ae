"""CPython and native code reach the same states, with and without merging."""

import pytest

from tests.equality import cases, differences
from tests.models.case import Case


def _params() -> list[object]:
    slow = [pytest.mark.slow]
    return [pytest.param(case, id=str(case), marks=slow if case.slow else []) for case in cases()]


@pytest.mark.parametrize("case", _params())
def test_every_execution_reaches_the_same_states(case: Case) -> None:
    found = list(differences(case))

    assert found == []


def test_cases_have_names_of_their_own() -> None:
    names = [str(case) for case in cases()]

    assert sorted(set(names)) == sorted(names)
