"""Events counted in /proc/vmstat (mm/vmstat.c).

Nothing depends on them, and each count would make another state: searches leave them out. They are
counted by kernels that have COUNTED.
"""

from __future__ import annotations

from enum import IntEnum

from mmspec.kernels.change import COUNTED
from mmspec.lang import Array, Struct, array, commuting, counter, has, restates, static, u16, u32


class VmEvent(IntEnum):
    """enum vm_event_item: what is counted, under its name in /proc/vmstat."""

    THP_FAULT_ALLOC = 0
    THP_FAULT_FALLBACK = 1
    THP_SPLIT_PAGE = 2
    THP_SPLIT_PAGE_FAILED = 3
    THP_DEFERRED_SPLIT_PAGE = 4
    THP_SPLIT_PMD = 5
    THP_ZERO_PAGE_ALLOC = 6
    THP_ZERO_PAGE_ALLOC_FAILED = 7
    PGMIGRATE_SUCCESS = 8
    PGMIGRATE_FAIL = 9


class VmEventState(Struct):
    """struct vm_event_state, of all processors."""

    event: Array[u32] = array(len(VmEvent), counter())


vm_event_states: VmEventState = static(VmEventState)


@commuting
def _count(item: VmEvent, delta: u16) -> None:
    vm_event_states.event[item] += delta


@restates("include/linux/vmstat.h", at="v4.14")
def count_vm_events(item: VmEvent, delta: u16) -> None:
    """So many events of a kind."""
    if has(COUNTED):
        _count(item, delta)


@restates("include/linux/vmstat.h", at="v4.14")
def count_vm_event(item: VmEvent) -> None:
    """One more event of a kind."""
    count_vm_events(item, 1)
