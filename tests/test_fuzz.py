"""A little of what `make fuzz` does, in every run of the tests."""

from __future__ import annotations

import pytest

from tests.fuzz import READERS, fuzz


@pytest.mark.parametrize("name", READERS)
def test_a_reader_refuses_or_reads_and_does_nothing_else(name: str) -> None:
    assert fuzz(name, 300) == []
