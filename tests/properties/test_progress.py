"""No livelock: from every state that can be reached, all tasks can come to their end.

So every run ends under a scheduler that is fair to each step of each state, and with probability 1
if steps are chosen at random; a task that runs alone may still wait for others. Searches do not
look at this: it takes all transitions, and so is done here, in CPython, for small cases.
"""

from __future__ import annotations

import pytest

from mmspec.checker import Checker, Target
from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_14_fixed
from mmspec.scenarios import scenario_named
from tests.spec_mutants import Mutant, installed

CASES = (
    ("alone", "huge/split"),
    ("alone", "small/bind"),
    ("tracked", "huge/track/write"),
    ("splits", "family/zap_part/write"),
    ("seed", "huge/bind/write"),
    ("seed", "small/bind/write"),
    ("seed", "huge/bind/zap"),
    ("moves_shared", "family/move/bind"),
)


def stuck(scenario: str, case: str, kernel: Kernel) -> tuple[int, int]:
    """How many states there are, and from how many no end can be reached."""
    checker = Checker(scenario_named(scenario), [Target(kernel)])
    machine = checker.machine
    first = checker.initial(scenario_named(scenario).case(case), 0)
    before: dict[bytes, list[bytes]] = {first: []}
    todo, ends = [first], []
    while todo:
        state = todo.pop()
        if not any(
            checker.machine.program_counter(state, task)
            for task in range(checker.machine.tasks_of(state))
        ):
            ends.append(state)
        for _, _, after in machine.successors(state):
            if after not in before:
                before[after] = []
                todo.append(after)
            before[after].append(state)
    can_end = set(ends)
    while ends:
        earlier = [state for state in before[ends.pop()] if state not in can_end]
        can_end.update(earlier)
        ends += earlier
    return len(before), len(before) - len(can_end)


@pytest.mark.parametrize(("scenario", "case"), CASES)
def test_every_state_can_come_to_an_end(scenario: str, case: str) -> None:
    states, without_end = stuck(scenario, case, v4_14_fixed)

    assert states > 100
    assert without_end == 0


def test_a_fault_that_is_never_served_is_noticed() -> None:
    retry = Mutant("__handle_mm_fault", "not pmd_write(orig_pmd)", "False", "serves no store")

    with installed([retry]) as changes:
        _, without_end = stuck("splits", "family/zap_part/write", v4_14_fixed.with_(*changes))

    assert without_end > 0
