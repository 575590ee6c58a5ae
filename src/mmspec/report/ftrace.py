"""The trace as /sys/kernel/tracing/trace would have it, for Perfetto and its like.

A step takes a millisecond: step 31 begins at 0.031. A task runs while it takes steps, and is
preempted while others do. Functions are slices of their task, counts are counters, what a key step
does is an instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmspec.report.history import History, Step, path

_HEADER = """\
# tracer: nop
#
# entries-in-buffer/entries-written: {entries}/{entries}   #P:{cpus}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| /     delay
#           TASK-PID     CPU#  ||||   TIMESTAMP  FUNCTION
#              | |         |   ||||      |         |
"""
#: Task n of a trace is process _FIRST + n.
_FIRST = 1000
_MICROSECONDS = 1000
_COUNTS = (" refcount", " mapcount", " compound_mapcount")


def ftrace(history: History) -> str:
    """The text."""
    lines = list(_Writer(history).lines())
    return _HEADER.format(entries=len(lines), cpus=history.tasks) + "".join(
        f"{line}\n" for line in lines
    )


class _Writer:
    def __init__(self, history: History) -> None:
        self.history = history
        self.names = [task.__name__ for task in history.trace.case.tasks]
        self.open: dict[int, list[int]] = {}
        self.used = 0
        self.running: int | None = None

    def lines(self) -> Iterator[str]:
        """One for each event."""
        number = 0
        exiting = False
        for step in self.history.steps:
            number = step.number
            self.used = 0
            yield from self._switch(number, step.task)
            if step.exiting and not exiting:
                exiting = True
                yield from self._close(number)
            yield from self._step(step)
        number += 1
        self.used = 0
        task = self.history.ending.task
        if task >= 0:
            yield from self._switch(number, task)
        for line in self.history.ending.splat:
            yield self._mark(number, max(task, 0), f"I|{_FIRST + max(task, 0)}|{_clean(line)}")
        yield from self._close(number)
        yield from self._switch(number, None)

    def _switch(self, number: int, task: int | None) -> Iterator[str]:
        """Let another task run."""
        if task == self.running:
            return
        idle = "{0}_comm=swapper/{1} {0}_pid=0 {0}_prio=120"
        busy = "{0}_comm={1} {0}_pid={2} {0}_prio=120"
        if self.running is not None:
            old = self.running
            prev = busy.format("prev", self._name(old), _FIRST + old)
            what = f"{prev} prev_state=R ==> {idle.format('next', old)}"
            yield self._event(number, old, f"sched_switch: {what}")
        if task is not None:
            following = busy.format("next", self._name(task), _FIRST + task)
            what = f"{idle.format('prev', task)} prev_state=R ==> {following}"
            yield self._event(number, task, f"sched_switch: {what}", idle=True)
        self.running = task

    def _name(self, task: int) -> str:
        name = self.names[task] if task < len(self.names) else f"task{task}"
        return _clean(name)[:15]

    def _step(self, step: Step) -> Iterator[str]:
        pid = _FIRST + step.task
        yield from self._functions(step)
        for seen in step.changes:
            if seen.name.endswith(_COUNTS):
                # of one process, whoever counts: or there would be a counter for each
                count = f"C|{_FIRST}|{seen.name}|{seen.value}"
                yield self._mark(step.number, step.task, count)
        texts = [seen.text for seen in step.seen if seen.telling]
        for text in dict.fromkeys([*texts, *step.taken()]):
            yield self._mark(step.number, step.task, f"I|{pid}|{_clean(text)}")

    def _functions(self, step: Step) -> Iterator[str]:
        """End what has returned, begin what has been called."""
        pid = _FIRST + step.task
        now = path(step.stack)
        known = self.open.setdefault(step.task, [])
        same = _same(known, [call.number for call in now])
        for _ in known[same:]:
            yield self._mark(step.number, step.task, f"E|{pid}")
        del known[same:]
        for call in now[same:]:
            known.append(call.number)
            yield self._mark(step.number, step.task, f"B|{pid}|{_clean(call.function)}")

    def _close(self, number: int) -> Iterator[str]:
        for task, known in self.open.items():
            for _ in known:
                yield self._mark(number, task, f"E|{_FIRST + task}")
            known.clear()

    def _mark(self, number: int, task: int, text: str) -> str:
        return self._event(number, task, f"tracing_mark_write: {text}")

    def _event(self, number: int, task: int, text: str, idle: bool = False) -> str:
        at = number * _MICROSECONDS + min(self.used, _MICROSECONDS - 1)
        self.used += 1
        name, pid = ("<idle>", 0) if idle else (self._name(task), _FIRST + task)
        time = f"{at // 1_000_000}.{at % 1_000_000:06}"
        return f"{name:>16}-{pid:<7} [{task:03}] .... {time:>12}: {text}"


def _same(a: Sequence[int], b: Sequence[int]) -> int:
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _clean(text: str) -> str:
    """A bar would end the name."""
    return " ".join(text.replace("|", ",").split())
