"""Huge pages of all sizes, from the first fault to exit, with nothing else going on."""

from __future__ import annotations

import pytest

from mmspec.kernels import Kernel
from mmspec.kernels.releases import v4_10, v4_13, v4_14
from tests.spec import programs
from tests.spec.running import Phases, by_cpython, config, natively

#: Fault, fork, copy on write, migration, splits of both kinds, unmapping, exit.
LIFE: Phases = (
    (0, programs.first_fault),
    (0, programs.forks),
    (1, programs.child_writes),
    (0, programs.parent_writes),
    (0, programs.moves_to_node_1),
    (1, programs.loses_a_part),
    (0, programs.splits),
    (0, programs.forks_again),
    (2, programs.grandchild_reads),
    (0, programs.moves_to_node_0),
    (2, programs.exits),
    (0, programs.unmaps),
    (1, programs.exits),
    (0, programs.exits),
)
#: Without moving 512 base pages one by one.
SHORT_LIFE = tuple(phase for phase in LIFE if phase[1] is not programs.moves_to_node_0)


@pytest.mark.parametrize("kernel", [v4_10, v4_13, v4_14], ids=str)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_nothing_is_left_of_a_small_huge_page(order: int, kernel: Kernel) -> None:
    memory, left = by_cpython(LIFE, kernel, config(order))

    assert left == []
    assert memory == natively(LIFE, kernel, config(order))


def test_nothing_is_left_of_a_huge_page_of_512_pages() -> None:
    sizes = config(9, frames=4096)

    memory, left = by_cpython(SHORT_LIFE, v4_14, sizes)

    assert left == []
    assert memory == natively(SHORT_LIFE, v4_14, sizes)


@pytest.mark.parametrize("end", range(1, len(LIFE)))
def test_memory_is_the_same_natively_after_every_part_of_a_life(end: int) -> None:
    memory, _ = by_cpython(LIFE[:end], v4_14, config(2))

    assert memory == natively(LIFE[:end], v4_14, config(2))
