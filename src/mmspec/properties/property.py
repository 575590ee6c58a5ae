"""What a property is: a sentence that must hold, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: When a property must hold: in every state; when all tasks have ended; when, after that, every
#: process has exited. Or it is watched by the functions themselves, as they run.
ALWAYS, AT_REST, AFTER_EXIT, IN_STEP = "always", "at rest", "after exit", "in a step"


@dataclass(frozen=True)
class Property:
    """A sentence that must hold. Its name is the sentence with underscores.

    when: ALWAYS, AT_REST, AFTER_EXIT (`holds` is a predicate over shared memory) or IN_STEP (a
    violation is a bug of one of `kinds`, see `mmspec.lang.bug`).
    """

    name: str
    when: str
    holds: Callable[[], bool] | None = None
    kinds: tuple[str, ...] = ()
    explanation: str = ""

    @property
    def sentence(self) -> str:
        """The name as it is spoken."""
        return self.name.replace("_", " ")

    def __str__(self) -> str:
        return self.name


def _property(when: str) -> Callable[[Callable[[], bool]], Property]:
    def decorate(fn: Callable[[], bool]) -> Property:
        explanation = " ".join((fn.__doc__ or "").split())
        return Property(fn.__name__, when, fn, (), explanation)

    return decorate


always = _property(ALWAYS)
at_rest = _property(AT_REST)
after_exit = _property(AFTER_EXIT)


def in_step(name: str, *kinds: str, explanation: str = "") -> Property:
    """A property that the specification's functions check as they run."""
    return Property(name, IN_STEP, None, kinds, explanation)
