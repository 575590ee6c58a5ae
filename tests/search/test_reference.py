"""CPython and native code reach the same states, with and without merging."""

import pytest

from mmspec.compiler.system import SetUpFailed
from tests.equality import cases, differences, native
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


@pytest.mark.parametrize("case", [case for case in cases() if case.full is None], ids=str)
def test_a_task_that_fails_before_its_first_access_is_not_started(case: Case) -> None:
    with pytest.raises(SetUpFailed, match="task 0 fails at once"):
        native(case, merged=False)
