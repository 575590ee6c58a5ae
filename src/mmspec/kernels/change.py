"""What a kernel is: a set of changes, each named for the behaviour it brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mmspec.lang.context import ModelError


@dataclass(frozen=True, eq=False)
class Change:
    """One upstream commit, or one draft of one.

    commit: abbreviated id, empty for a draft. release: the first with it; for a draft, where it was
    posted. needs: changes whose text this one's text relies on. name: in this package the module
    gives it.
    """

    subject: str
    commit: str = ""
    release: str = ""
    needs: tuple[Change, ...] = ()
    name: str = ""

    @property
    def is_draft(self) -> bool:
        """Whether it was never merged in this form."""
        return not self.commit

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<change {self.name}>"


def name_changes(namespace: dict[str, object]) -> None:
    """Give every change of a module its name there."""
    for name, value in namespace.items():
        if isinstance(value, Change) and not value.name:
            object.__setattr__(value, "name", name)


#: Not a change of any kernel: in force when translations and stores are watched as well, which no
#: kernel does. Without it only what a kernel itself would notice is reported.
WATCHED = Change(
    subject="every translation and store is watched, beyond what a kernel checks", name="WATCHED"
)

#: Not a change of any kernel either: in force when events are counted as in /proc/vmstat.
COUNTED = Change(subject="events are counted, which searches leave out", name="COUNTED")


@dataclass(frozen=True)
class Kernel:
    """A set of changes under a name. debug_vm: CONFIG_DEBUG_VM, whether assertions are checked."""

    name: str
    changes: frozenset[Change]
    debug_vm: bool = True

    @classmethod
    def of(cls, name: str, changes: Iterable[Change]) -> Kernel:
        """A kernel with these changes; what they need must be among them."""
        made = cls(name, frozenset(changes))
        for change in made:
            missing = [need for need in change.needs if need not in made.changes]
            if missing:
                wanted = ", ".join(map(str, missing))
                raise ModelError(f"{name}: {change} needs {wanted}: add it with --with")
        return made

    def with_(self, *changes: Change) -> Kernel:
        """This kernel with more changes."""
        names = "".join(f" + {change}" for change in changes if change not in self.changes)
        return Kernel.of(self.name + names, self.changes | set(changes))._debug(self.debug_vm)

    def without(self, *changes: Change) -> Kernel:
        """This kernel without some changes; nothing left may need them."""
        for change in changes:
            if change not in self.changes:
                raise ModelError(f"{self.name} does not have {change}")
        names = "".join(f" - {change}" for change in changes)
        left = self.changes - set(changes)
        for change in sorted(left, key=str):
            for need in change.needs:
                if need in changes:
                    raise ModelError(
                        f"{self.name}: {change} needs {need}: take it out as well, "
                        f"--without {change}"
                    )
        return Kernel.of(self.name + names, left)._debug(self.debug_vm)

    def with_all_fixes(self) -> Kernel:
        """This kernel with every later fix that is known here and whose needs it has."""
        from mmspec.kernels.releases import LATER_FIXES

        made = self
        while True:
            ready = [
                change
                for change in LATER_FIXES
                if change not in made and all(need in made for need in change.needs)
            ]
            if not ready:
                return Kernel(f"{self.name} with later fixes", made.changes, self.debug_vm)
            made = made.with_(*ready)

    def _debug(self, debug_vm: bool) -> Kernel:
        return Kernel(self.name, self.changes, debug_vm)

    def without_debug(self) -> Kernel:
        """This kernel with CONFIG_DEBUG_VM off."""
        return Kernel(self.name + ", no DEBUG_VM", self.changes, False)

    def __contains__(self, change: object) -> bool:
        return change in self.changes

    def __iter__(self) -> Iterator[Change]:
        return iter(sorted(self.changes, key=str))

    def __str__(self) -> str:
        return self.name
