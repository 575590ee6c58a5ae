"""The collection: diagrams of real and of imagined races, each judged right."""

from __future__ import annotations

import pytest

from tests.judge.collection import DIRECTORY, Item, collected, judged


def items() -> list[Item]:
    return list(collected()[1])


@pytest.mark.parametrize("item", items(), ids=lambda i: f"{i.path.stem} on {i.label}")
def test_each_diagram_is_read_whole_and_judged_right(item: Item) -> None:
    found = judged(item)

    assert not found.judgement.diagram.unread
    assert found.judgement.answer is item.expected


def test_the_collection_is_not_small() -> None:
    names = [path.stem for path in DIRECTORY.glob("*.txt")]

    assert sum(not name.startswith("wrong_") for name in names) >= 25
    assert sum(name.startswith("wrong_") for name in names) >= 10
