"""What is told of an execution is what happened in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmspec.kernels.fold import _Folder
from mmspec.report.history import History
from mmspec.report.listing import Listings


def test_the_writes_that_are_told_lead_to_the_final_memory(history: History) -> None:
    memory = list(history.execution.after_set_up)
    for step in history.steps:
        for seen in step.seen:
            if seen.before is not None:
                memory[seen.slot] = seen.raw

    assert memory == history.execution.world.values


def test_every_step_of_the_schedule_is_told(history: History) -> None:
    scheduled = [(s.task, s.choice) for s in history.steps if not s.exiting]

    assert tuple(scheduled) == history.trace.violation.steps
    assert [step.number for step in history.steps] == list(range(1, len(history.steps) + 1))
    assert all(step.texts() for step in history.steps)


def test_exits_are_told_behind_the_schedule(told: Callable[[str], History]) -> None:
    exits = [step for step in told("exit").steps if step.exiting]

    assert {step.task for step in exits} == {0, 1}
    assert exits[0].number == len(told("exit").trace.violation.steps) + 1


def test_a_lock_has_a_holder_from_when_it_is_taken(told: Callable[[str], History]) -> None:
    for step in told("race").steps:
        for text in step.taken():
            verb, _, lock = text.partition(" ")
            held = lock in dict(step.locks[step.task].held)
            if verb == "takes" and f"releases {lock}" not in step.taken() and lock != "rcu":
                assert held, step
            if verb == "releases" and f"takes {lock}" not in step.taken():
                assert not held, step


def test_a_deadlock_says_who_waits_for_whom_and_since_when(
    told: Callable[[str], History],
) -> None:
    history = told("deadlock")
    last = history.steps[-1].locks

    assert last[0].blocked and last[0].waits == ("table 0 ptl",)
    assert not last[1].blocked
    waits, held = dict(history.ending.disagree)["CPU0 waits"], history.ending.disagree[1]
    assert waits.startswith("in spin_lock(table 0 ptl), since step ")
    assert held[0] == "table 0 ptl" and held[1].startswith("held by CPU0, since step ")
    taken = int(held[1].rpartition(" ")[2])
    assert "takes table 0 ptl" in history.steps[taken - 1].taken()
    assert history.steps[taken - 1].is_key


def test_nobody_waits_for_a_lock_that_is_free(history: History) -> None:
    for step in history.steps:
        held = {name for locks in step.locks for name, _ in locks.held}
        for locks in step.locks:
            if locks.blocked and locks.does in ("spin_lock", "tried_down_write"):
                assert set(locks.waits) & held


@pytest.mark.parametrize("name", ["bug", "race"])
def test_every_access_is_in_a_line_of_the_folded_source(
    told: Callable[[str], History], name: str
) -> None:
    history = told(name)
    listings = Listings(history.execution.world.program, history.trace.target)
    for step in history.steps:
        for seen in step.seen:
            fn = listings.function(seen.place)
            assert fn is not None
            assert seen.place.line in dict(listings.listing(fn).lines), (fn, seen.place.line)

    for fn, listing in listings.made.items():
        numbers = [number for number, _ in listing.lines]
        assert numbers == sorted(numbers)
        text = "\n".join(line for _, line in listing.lines)
        assert text.rstrip() == _Folder(fn, listings.kernel).text().rstrip()
