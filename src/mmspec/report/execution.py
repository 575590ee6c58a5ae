"""A schedule executed once more, by CPython: what each step does, and what goes wrong at its end.

This is also a second opinion: a violation that the search found must show itself here as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from mmspec.checker import Target, Violation
from mmspec.lang import Config
from mmspec.lang.context import ModelError
from mmspec.lang.primitives import KernelFunction
from mmspec.lang.program import discover, text_of
from mmspec.lang.source import without_assertions
from mmspec.lang.structs import Struct
from mmspec.lang.world import Access, World
from mmspec.properties import Property
from mmspec.scenarios.scenario import Case
from mmspec.spec.page.mm_types import TaskStruct
from mmspec.spec.page.syscalls import exit_mm


@dataclass(frozen=True)
class Call:
    """An active function: number is unique in an execution; arguments as they were passed.

    file: where its text is. restates: the kernel's file, if it restates a function of that name.
    atomic: whether it is a single step.
    """

    number: int
    function: str
    file: str
    restates: str
    atomic: bool
    arguments: tuple[tuple[str, Any], ...]

    @property
    def restated(self) -> bool:
        """Whether it restates a function of the kernel, in more than one step."""
        return bool(self.restates) and not self.atomic


@dataclass(frozen=True)
class Place:
    """Where a task stands: the function, and the line of its file."""

    call: Call
    line: int


@dataclass(frozen=True)
class Event:
    """An access to shared memory, with the stack of the task, outermost first."""

    access: Access
    stack: tuple[Place, ...]


@dataclass
class StepTaken:
    """One step. number: from 1. name: what it begins with, as (kind, name)."""

    number: int
    task: int
    choice: int
    name: tuple[str, str]
    events: list[Event] = field(default_factory=list)
    stack: tuple[Place, ...] = ()


@dataclass
class End:
    """What an execution ended in.

    kind, text: of the violation; empty if there was none. stack: of the task that hit it. objects:
    what the check spoke of. disagreement: what a predicate that is false had just read, in order.
    """

    kind: str = ""
    text: str = ""
    task: int = -1
    stack: tuple[Place, ...] = ()
    objects: tuple[Struct, ...] = ()
    broken: Property | None = None
    locals: tuple[tuple[str, Any], ...] = ()
    reads: tuple[Access, ...] = ()


class Execution:
    """One execution of a case on a kernel, step by step.

    `world` is to be looked at between steps. observe: whether to note what each step does. pause:
    called at the first access of each step, with the innermost frame of the specification, for a
    debugger to be attached there.
    """

    def __init__(
        self,
        case: Case,
        config: Config,
        target: Target,
        *,
        merged: bool = True,
        observe: bool = True,
    ) -> None:
        self.case = case
        self.observe = observe
        self.target = target
        view = target.view
        entries: list[Callable[[], None]] = [case.set_up, *case.tasks, exit_mm]
        self.world = World(
            discover(entries), config, view.changes, merged=merged, asserts=view.asserts
        )
        texts = self.world.program.functions
        kernel = {text: made for made in _kernel_functions(texts) for text in made.texts()}
        self._codes: dict[CodeType, tuple[str, str, bool]] = {}
        for fn in texts:
            code = fn.__code__ if view.asserts else without_assertions(fn)
            made = kernel.get(fn)
            file = made.restates.get(fn, (made.file, ""))[0] if made else ""
            name = made.__name__ if made else fn.__name__
            self._codes[code] = name, file, made is not None and made.atomic
        self._calls: dict[FrameType, Call] = {}
        self.steps: list[StepTaken] = []
        self.end = End()
        self.pause: Callable[[FrameType], None] | None = None
        self.after_set_up: list[int] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Execute the set-up, and make this the world that is spoken of."""
        world = self.world
        with world.active():
            world.run_alone(0, self.case.set_up)
            self.after_set_up = list(world.values)
            world.watch = self._watch if self.observe else None
            world.start(self.case.tasks)
            yield

    # ------------------------------------------------------------------ steps

    def step(self, task: int, choice: int = 0) -> StepTaken:
        """Take a step; ModelError if it cannot be taken."""
        world = self.world
        if not 0 <= task < len(world.tasks):
            raise ModelError(f"there is no task {task}: there are {len(world.tasks)}")
        made = StepTaken(len(self.steps) + 1, task, choice, world.tasks[task].stop)
        self.steps.append(made)
        if not world.step(task, choice):
            self.steps.pop()
            raise ModelError(f"step {made.number}: task {task} cannot go on there")
        if self.observe:
            made.stack = self.stack_of(task)
        error = world.tasks[task].error
        if error is not None:
            self._failed(task)
        return made

    def exits(self, number: int) -> None:
        """Let the first `number` processes exit, one after the other."""
        world = self.world
        count = world.layout.count[TaskStruct]
        if number:
            world.start([exit_mm] * min(number, count))
        for task in range(min(number, count)):
            while not world.tasks[task].finished:
                self.step(task)
            if self.end.kind:
                return

    def judge(self, broken: Property) -> None:
        """Evaluate a predicate that is expected to be false now."""
        holds = text_of(broken.holds) if broken.holds is not None else None
        if holds is None:
            return
        world = self.world
        reads: list[Access] = []
        seen: list[FrameType] = []
        world.watch = reads.append

        def profile(frame: FrameType, event: str, value: Any) -> None:
            if event == "return" and frame.f_code is holds.__code__ and not value:
                seen.append(frame)

        old = sys.getprofile()
        sys.setprofile(profile)
        world.unchecked, world.in_atomic, world.running = True, 1, world.tasks[0]
        try:
            true = holds()
        finally:
            sys.setprofile(old)
            world.unchecked, world.in_atomic, world.running = False, 0, None
            world.watch = None
        if not true:
            found = tuple(seen[-1].f_locals.items()) if seen else ()
            self.end = End(
                "property", broken.sentence, broken=broken, locals=found, reads=tuple(reads[-4:])
            )

    # ------------------------------------------------------------------ observation

    def _failed(self, task: int) -> None:
        error = self.world.tasks[task].error
        assert error is not None
        cause: BaseException = error.__cause__ or error
        frames: list[tuple[FrameType, int]] = []
        traceback: TracebackType | None = cause.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code in self._codes:
                frames.append((traceback.tb_frame, traceback.tb_lineno))
            traceback = traceback.tb_next
        stack = tuple(Place(self._call(frame), line) for frame, line in frames)
        objects = [obj for obj in error.details if isinstance(obj, Struct)]
        if not objects and frames:
            named = frames[-1][0].f_locals
            objects = [named[n] for n in ("page", "head") if isinstance(named.get(n), Struct)][:1]
        self.end = End(error.kind, error.text, task, stack, tuple(objects))

    def stack_of(self, task: int) -> tuple[Place, ...]:
        """Where a task stands now; empty if it has not begun or is at its end."""
        found = self.world.tasks[task].greenlet
        return self._stack(self._frames(found.gr_frame if found is not None else None))

    def _frames(self, frame: FrameType | None) -> list[FrameType]:
        """Frames of the specification from `frame` outwards, outermost first."""
        found = []
        while frame is not None:
            if frame.f_code in self._codes:
                found.append(frame)
            frame = frame.f_back
        return found[::-1]

    def _stack(self, frames: Sequence[FrameType]) -> tuple[Place, ...]:
        return tuple(Place(self._call(frame), frame.f_lineno) for frame in frames)

    def _call(self, frame: FrameType) -> Call:
        found = self._calls.get(frame)
        if found is None:
            code = frame.f_code
            names = code.co_varnames[: code.co_argcount]
            arguments = tuple((n, frame.f_locals[n]) for n in names if n in frame.f_locals)
            name, restates, atomic = self._codes[code]
            file = code.co_filename
            found = Call(len(self._calls), name, file, restates, atomic, arguments)
            self._calls[frame] = found
        return found

    def _watch(self, access: Access) -> None:
        frames = self._frames(sys._getframe(1))
        if frames and self.steps:
            step = self.steps[-1]
            if self.pause is not None and not step.events:
                self.pause(frames[-1])
            step.events.append(Event(access, self._stack(frames)))


def _kernel_functions(texts: Sequence[FunctionType]) -> set[KernelFunction[..., Any]]:
    """The objects behind texts: each is a global of its module, or of one that uses it."""
    spaces = {id(fn.__globals__): fn.__globals__ for fn in texts}
    return {
        value
        for space in spaces.values()
        for value in space.values()
        if isinstance(value, KernelFunction)
    }


class Disagreement(ModelError):
    """CPython does not confirm what the search has found."""


def confirm(
    case: Case,
    config: Config,
    target: Target,
    violation: Violation,
    *,
    merged: bool = True,
    observe: bool = True,
    execution: Execution | None = None,
) -> Execution:
    """Execute a violation's schedule; Disagreement if it does not end in that violation."""
    made = execution or Execution(case, config, target, merged=merged, observe=observe)
    with made.running():
        try:
            follow(made, violation)
        except ModelError as error:
            raise Disagreement(f"CPython does not follow the schedule: {error}") from None
    if violation.kind != made.end.kind:
        found = made.end.kind or "nothing wrong"
        raise Disagreement(f"CPython finds {found} where the search found {violation.kind}")
    return made


def follow(execution: Execution, violation: Violation, begun: bool = False) -> None:
    """All steps (unless they were taken: `begun`), the exits, and the predicate at the end."""
    for task, choice in () if begun else violation.steps:
        execution.step(task, choice)
    execution.exits(violation.exits)
    if violation.kind == "deadlock":
        _stuck(execution)
    elif violation.kind == "property" and violation.broken is not None:
        execution.judge(violation.broken)


def _stuck(execution: Execution) -> None:
    """See that nothing can go on."""
    tasks = execution.world.tasks
    waiting = [task for task in tasks if not task.finished]
    for task in waiting:
        if execution.world.step(task.number):
            raise ModelError(f"task {task.number} goes on: no deadlock")
    if waiting:
        first = waiting[0].number
        stack = execution.stack_of(first)
        execution.end = End("deadlock", "nothing can go on", first, stack)
