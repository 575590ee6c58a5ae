"""What an exhibit is: a fix, and what happens without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mmspec.kernels import Change, Kernel
from mmspec.properties import Property
from mmspec.scenarios.scenario import Case, Scenario


@dataclass(frozen=True)
class Bug:
    """A fault of Linux's history, and where to look for it.

    fixed: what ended it. kernel: one that has the fix. scenario, cases: where it shows itself.
    violates: what a shortest trace of it breaks. key_steps: what that trace shows, in this order:
    "program: function" or "program: function: writes field" (or reads); a program is one of the
    case's tasks, or exit_mm. steps, states: of the shortest trace, and what was explored to find
    it; exhausted: how many states there are with the fix in. with_it: changes that need the fix, or
    hide the fault, and are taken out together with it. mutant: if the fix is no change of its own
    here, what undoes that part of it. introduced: what brought the fault, if no release here has
    that. reached: functions that must be reached with the fix in, or its verdict would mean
    nothing. not_here: why the fault cannot happen; then the search without the fix is exhausted,
    too. name, prose: the module's name, and its docstring.
    """

    fixed: Change
    kernel: Kernel
    scenario: Scenario
    cases: tuple[str, ...]
    violates: Property
    key_steps: tuple[str, ...]
    steps: int
    states: int
    exhausted: int
    reached: tuple[Any, ...]
    with_it: tuple[Change, ...] = ()
    mutant: Change | None = None
    introduced: Change | None = None
    not_here: str = ""
    name: str = ""
    prose: str = ""

    @property
    def title(self) -> str:
        """The first line of its prose."""
        return self.prose.strip().partition("\n")[0].rstrip(".")

    @property
    def commit(self) -> str:
        """The fix's commit; "none" if it is one of ours."""
        return self.fixed.commit or "none"

    @property
    def broken(self) -> Kernel:
        """The kernel without the fix."""
        return self.reverted(self.kernel)

    def reverted(self, kernel: Kernel) -> Kernel:
        """A kernel that has the fix, without it."""
        if self.mutant is not None:
            return kernel.with_(self.mutant)
        return kernel.without(*(c for c in (self.fixed, *self.with_it) if c in kernel))

    def on(self, kernel: Kernel, others: tuple[Change, ...]) -> Kernel:
        """A kernel as it is as to this fault, with the fixes of others: to see this one alone.

        Only those that the exhibit's kernel has, as others may hide the fault; and not the one that
        brought it.
        """
        apart = {self.fixed, *self.with_it, self.introduced}
        made = kernel
        if self.mutant is not None and self.fixed not in kernel:
            if all(need in kernel for need in self.mutant.needs):
                made = made.with_(self.mutant)
        missing = [c for c in others if c in self.kernel and c not in kernel and c not in apart]
        while True:
            ready = [c for c in missing if all(need in made for need in c.needs)]
            if not ready:
                return Kernel(kernel.name, made.changes, kernel.debug_vm)
            made = made.with_(*ready)
            missing = [c for c in missing if c not in ready]

    def chosen(self) -> list[Case]:
        """The cases to be explored."""
        return [replace(self.scenario.case(name), needs=()) for name in self.cases]

    def __str__(self) -> str:
        return self.name
