"""Interchangeable tasks: fewer states, the same verdicts; and no others are taken for such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mmspec.compiler.system import System
from mmspec.lang import Config
from mmspec.lang.context import ModelError
from mmspec.search.bfs import Search
from mmspec.search.schedules import replay
from mmspec.search.symmetry import Part, Symmetry, interchangeable, parts_of
from tests.models import twins

Task = Callable[[], None]
OWN = ("Local",)
MODES = pytest.mark.parametrize("merged", [True, False], ids=["merged", "full"])
FAIR: list[Sequence[Task]] = [
    [twins.counts] * 2,
    [twins.counts] * 3,
    [twins.picks] * 2,
    [twins.flushes] * 3,
    [twins.waits] * 3,
    [twins.counts, twins.flushes, twins.flushes],
    [twins.flusher, twins.counts, twins.counts],
    [twins.counts, twins.fails, twins.counts, twins.fails],
    [twins.fails, twins.fails],
    [twins.fails, twins.counts, twins.fails],
]
UNFAIR = [
    (twins.signs, "signs"),
    (twins.remembers, "remembers"),
    (twins.points, "points"),
    (twins.hides, "hides"),
    (twins.takes_first, "takes_first"),
    (twins.prefers_the_first, "prefers_the_first"),
]


def system_of(tasks: Sequence[Task], merged: bool, groups: Any = ()) -> tuple[System, bytes]:
    config = Config.of(twins_tasks=max(3, len(tasks)))
    system = System(list(dict.fromkeys(tasks)), config, merged=merged, groups=[[g] for g in groups])
    return system, system.initial([], tasks)[0]


def name(tasks: Sequence[Task]) -> str:
    return "+".join(task.__name__ for task in tasks)


def both(tasks: Sequence[Task], merged: bool = True, **how: Any) -> tuple[Search, Search]:
    """A search without symmetry, and one with."""
    system, initial = system_of(tasks, merged)
    plain = Search(system, initial, stop_at_violation=False, **how)
    symmetry = interchangeable(system, initial, OWN)
    reduced = Search(system, initial, stop_at_violation=False, symmetry=symmetry, **how)
    plain.run()
    reduced.run()
    return plain, reduced


@MODES
@pytest.mark.parametrize("tasks", FAIR, ids=name)
def test_one_state_of_each_kind_is_kept(tasks: Sequence[Task], merged: bool) -> None:
    plain, reduced = both(tasks, merged)
    symmetry = reduced.symmetry
    assert symmetry is not None

    states = [plain.store.state_bytes(k) for k in range(plain.outcome.states)]
    kinds = {symmetry.canonical(plain.system, state) for state in states}
    kept = [reduced.store.state_bytes(k) for k in range(reduced.outcome.states)]

    assert reduced.outcome.stopped == ""
    assert {symmetry.canonical(plain.system, state) for state in kept} == kinds
    assert len(kept) == len(kinds) < len(states)
    assert {s for state in kept for s in symmetry.orbit(plain.system, state)} >= set(states)


@MODES
@pytest.mark.parametrize("tasks", FAIR, ids=name)
def test_violations_and_ends_are_kept(tasks: Sequence[Task], merged: bool) -> None:
    plain, reduced = both(tasks, merged)

    def kinds(search: Search) -> set[tuple[str, str]]:
        found = set()
        for finding in search.outcome.findings:
            steps = search.schedule(finding)
            result, state = replay(search.system, search.initial, steps)
            text = search.system.failure(state, steps[-1][0]).text if result & 4 else ""
            found.add((finding.kind, text))
        return found

    def ends(search: Search) -> set[bytes]:
        return {state for k in search.ends() for state in search.variants(k)}

    assert kinds(plain) == kinds(reduced)
    assert ends(plain) == ends(reduced)
    for k in reduced.ends():
        for state in reduced.variants(k):
            steps = reduced.schedule_of(k, state)
            assert replay(reduced.system, reduced.initial, steps)[1] == state


@MODES
@pytest.mark.parametrize(("task", "where"), UNFAIR, ids=[where for _, where in UNFAIR])
def test_tasks_that_can_be_told_apart_are_noticed(task: Task, where: str, merged: bool) -> None:
    for tasks in ([task, task], [task, task, twins.counts]):
        system, initial = system_of(tasks, merged)
        symmetry = interchangeable(system, initial, OWN)
        if symmetry is None:
            # their numbers are in their records from the beginning
            assert (where, merged) == ("remembers", False)
            return

        search = Search(system, initial, symmetry=symmetry)

        assert search.run().stopped == "asymmetry"
        assert search.asymmetry() == (
            f"{where}() tells tasks apart: it keeps the number of one, or their order"
        )


@MODES
def test_a_ring_is_not_a_set(merged: bool) -> None:
    """Turning the ring changes nothing, but two neighbours cannot be exchanged."""
    system, initial = system_of([twins.looks_at_the_next] * 3, merged)

    search = Search(system, initial, symmetry=interchangeable(system, initial, OWN))

    assert search.run().stopped == "asymmetry"


def test_a_part_that_is_not_declared_is_noticed() -> None:
    system, initial = system_of([twins.counts] * 2, True)

    search = Search(system, initial, symmetry=interchangeable(system, initial))

    assert search.run().stopped == "asymmetry"


@pytest.mark.parametrize("final", [False, True], ids=["invariant", "final"])
@pytest.mark.parametrize(
    ("predicate", "fair"),
    [
        (twins.nobody_caches, True),
        (twins.total_is_small, True),
        (twins.the_first_does_not_count, False),
    ],
)
def test_properties_must_not_tell_tasks_apart(
    predicate: Callable[[], bool], fair: bool, final: bool
) -> None:
    tasks = [twins.flushes if fair else twins.picks] * 3
    system, initial = system_of(tasks, True, groups=[predicate])
    how: dict[str, Any] = {"finals": 0} if final else {"invariants": 0}
    how |= {"final_mask": 1, "required": 1}

    plain = Search(system, initial, **how)
    reduced = Search(system, initial, symmetry=interchangeable(system, initial, OWN), **how)
    plain.run()
    reduced.run()

    if fair:
        assert plain.outcome.stopped == reduced.outcome.stopped
        found = [f.kind for search in (plain, reduced) for f in search.outcome.findings[:1]]
        assert len(set(found)) <= 1
        for finding in reduced.outcome.findings:
            _, state = replay(system, initial, reduced.schedule(finding))
            assert system.predicates(0, state) == 0
            assert reduced.depth == plain.depth
    else:
        assert reduced.outcome.stopped == "asymmetry"
        assert reduced.asymmetry() == "a property tells tasks apart"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("memo", [True, False], ids=["memo", "no memo"])
def test_numbers_do_not_depend_on_workers_or_memory(
    workers: int, memo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmspec.search.bfs.WIDE", 1)
    _, reduced = both([twins.flushes] * 3 + [twins.fails] * 2, workers=workers, memo=memo)

    assert reduced.outcome.stopped == ""
    assert reduced.outcome.states == STATES


#: States of three tasks that flush and two that fail, which stand for 6 times 2 at most.
STATES = 143_200


def test_states_grow_slowly_with_the_number_of_equal_tasks() -> None:
    found = []
    for n in (2, 3, 4):
        plain, reduced = both([twins.flushes] * n)
        found.append((plain.outcome.states, reduced.outcome.states))

    assert found == GROWTH


GROWTH = [(90, 49), (2_277, 448), (52_470, 2_959)]


def test_the_set_up_may_make_tasks_different() -> None:
    tasks = [twins.counts] * 3
    system, initial = system_of(tasks, True)
    part = parts_of(system, OWN)[0]
    marked = bytearray(initial)
    marked[part.at(0)] = bytes([7]) * part.size

    found = interchangeable(system, bytes(marked), OWN)

    assert found is not None
    assert found.groups == ((1, 2),)
    assert found.own == (part,)


def test_tasks_that_are_all_different_have_no_symmetry() -> None:
    system, initial = system_of([twins.counts, twins.picks], True)

    assert interchangeable(system, initial, OWN) is None


def test_parts_are_those_of_the_layout() -> None:
    system, _ = system_of([twins.counts], True)
    cls = twins.Local

    assert parts_of(system, OWN) == (
        Part(system.layout.base[cls], system.layout.stride[cls], system.layout.stride[cls]),
    )


def test_of_too_many_tasks_some_are_taken_for_different() -> None:
    tasks = [twins.counts] * 9
    system, initial = system_of(tasks, True)

    few = interchangeable(system, initial, OWN)
    all_ = interchangeable(system, initial)

    assert few is not None and few.groups == (tuple(range(6)),)
    assert all_ is not None and all_.groups == (tuple(range(9)),)


def test_impossible_groups_are_refused() -> None:
    for groups in (((0,),), ((0, 1), (1, 2)), (((0, 0)),)):
        with pytest.raises(ModelError, match="two members, or more"):
            Symmetry(groups)
    with pytest.raises(ModelError, match="too many interchangeable tasks: 7"):
        Symmetry((tuple(range(7)),), (Part(0, 1, 1),))
    system, initial = system_of([twins.counts] * 2, True)
    with pytest.raises(ModelError, match="there is no task 5"):
        Search(system, initial, symmetry=Symmetry(((0, 5),)))


def test_renaming_is_an_action() -> None:
    """Renaming back and forth gives the state; steps are renamed along."""
    tasks = [twins.counts] * 3
    system, initial = system_of(tasks, True)
    symmetry = interchangeable(system, initial, OWN)
    assert symmetry is not None
    steps = [(0, 0), (0, 0), (1, 0), (2, 0), (1, 0)]
    _, state = replay(system, initial, steps)

    for images in symmetry.renamings():
        inverse = tuple(images.index(k) for k in range(3))
        other = symmetry.renamed(system, state, images)
        _, by_steps = replay(system, initial, symmetry.renamed_steps(steps, images))

        assert symmetry.renamed(system, other, inverse) == state
        assert by_steps == other
        assert symmetry.canonical(system, other) == symmetry.canonical(system, state)
        assert symmetry.orbit(system, state)[other] is not None
