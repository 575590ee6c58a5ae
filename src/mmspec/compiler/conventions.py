"""What machine code and those who call it have agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What `step` returns, as bits: nothing (the task is blocked), it was taken, there is another one
#: (the next choice), it ended in a violation.
BLOCKED, STEPPED, MORE, VIOLATED = 0, 1, 2, 4
#: Program counters: 0 is finished, this is failed (the number of the fault follows).
FAILED = 0xFFFF
PC_BYTES = 2


@dataclass(frozen=True)
class KernelView:
    """What the compiler needs to know of one kernel: its changes, and whether asserts are in."""

    changes: Any
    asserts: bool = True
