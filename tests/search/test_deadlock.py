"""A deadlock is told as a story: who waits where, for what, and who has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmspec.compiler.system import System
from mmspec.search.bfs import Search
from mmspec.search.deadlock import Wait, waits
from mmspec.search.schedules import replay
from tests.models import races

Task = Callable[[], None]
MODES = pytest.mark.parametrize("merged", [True, False], ids=["merged", "full"])


def stuck(*tasks: Task, merged: bool = True) -> list[Wait]:
    """The tasks that wait in the first deadlock found."""
    system = System(list(dict.fromkeys(tasks)), merged=merged)
    initial, _ = system.initial([], tasks)
    search = Search(system, initial)
    finding = search.run().findings[0]
    assert finding.kind == "deadlock"
    _, state = replay(system, initial, search.schedule(finding))
    search.close()
    return waits(system, state)


def told(found: list[Wait]) -> str:
    return "\n".join(wait.sentence() for wait in found)


@MODES
def test_two_locks_in_different_order(merged: bool) -> None:
    found = stuck(races.left_right, races.right_left, merged=merged)

    assert told(found) == (
        f"task 0 waits in spin_lock() at left_right:{found[0].line} for spinlock1, held by task 1; "
        "it holds spinlock0\n"
        f"task 1 waits in spin_lock() at right_left:{found[1].line} for spinlock0, held by task 0; "
        "it holds spinlock1"
    )
    assert found[0].file == "races.py"


@MODES
def test_locks_may_be_reached_through_arguments(merged: bool) -> None:
    found = stuck(races.left_right, races.through_pointers, merged=merged)

    assert [repr(wait.lock) for wait in found] == ["spinlock1", "spinlock0"]
    assert [wait.holders for wait in found] == [((1, False),), ((0, False),)]
    assert (found[1].function, found[1].callers) == ("lock_both", ("through_pointers",))


@MODES
def test_a_lock_that_was_never_given_back_is_held_by_nobody(merged: bool) -> None:
    found = stuck(races.keeps_it, races.right_left, merged=merged)

    assert told(found).endswith(" for spinlock1, held by nobody; it holds nothing")
    assert len(found) == 1


@MODES
def test_conditions_name_what_they_depend_on(merged: bool) -> None:
    found = stuck(races.waits, races.waits_for_both, merged=merged)

    assert told(found) == (
        f"task 0 waits at waits:{found[0].line} for a change of box0.ready (now 0); "
        "it holds nothing\n"
        f"task 1 waits in wait_for_both() at waits_for_both:{found[1].line} for a change of "
        "side1.hits (now 0), box0.ready (now 0); it holds nothing"
    )


@MODES
def test_readers_are_named_too(merged: bool) -> None:
    found = stuck(races.reads_slowly, races.reads_slowly, races.writes_at_once, merged=merged)

    by_task = {wait.task: wait for wait in found}
    assert by_task[2].holders == ((0, True), (1, True))
    assert by_task[0].sentence().endswith("it holds rwsemaphore0 (shared)")


def test_tasks_that_have_ended_wait_for_nothing() -> None:
    system = System([races.publish])
    initial, _ = system.initial([], [races.publish])
    _, state = replay(system, initial, [(0, 0), (0, 0)])

    assert waits(system, state) == []
