"""A judgement in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from mmspec.checker import Target, Violation
from mmspec.judge.bench import Bench
from mmspec.judge.claims import Kind
from mmspec.judge.diagram import Diagram, Unread
from mmspec.judge.verdict import NEVER, Answer, Judgement, Obstacle
from mmspec.report import terminal
from mmspec.report.columns import WIDTH, columns, draw, moments
from mmspec.report.execution import Execution, confirm
from mmspec.report.names import Namer
from mmspec.scenarios.scenario import Case


def said(
    judgement: Judgement, bench: Bench, kernel: str, scenarios: Sequence[str] = ()
) -> Iterator[str]:
    """What was read, and what came of it, but for the interleaving itself.

    scenarios: others in which it was looked for.
    """
    diagram, reading = judgement.diagram, judgement.reading
    if reading is not None:
        yield from told("read as", f"{bench.scenario.name}, case {reading.case.name}, on {kernel}")
        tasks = [reading.case.tasks[task].__name__ for task in reading.tasks]
        yield from told("", _listed(diagram, tasks))
    else:
        yield from told("kernel", kernel)
    yield from unread(diagram.unread)
    if judgement.others and judgement.answer is not Answer.FEASIBLE:
        names = dict.fromkeys(other.case.name for other in judgement.others)
        yield from told("also", f"looked for in {', '.join(names)}")
    if scenarios:
        yield from told("before", f"it was looked for in {', '.join(scenarios)}, and not found")


def _listed(diagram: Diagram, tasks: Sequence[str]) -> str:
    pairs = zip(diagram.heads, tasks, strict=True)
    return ", ".join(f"{head} runs {task}" for head, task in pairs)


def unread(lines: Sequence[Unread]) -> Iterator[str]:
    """Lines that were not understood."""
    for line in lines[:20]:
        yield from told("unread", f"line {line.number}: {line.text}")
    if len(lines) > 20:
        yield from told("", f"and {len(lines) - 20} more")
    if lines:
        yield from told("", 'say what they mean: --map "TEXT=STEP", or --map "TEXT=-" for nothing')


def verdict(judgement: Judgement) -> Iterator[str]:
    """Why, and what else could be said."""
    obstacle = judgement.obstacle
    if judgement.answer is Answer.FEASIBLE:
        yield from _consequences(judgement)
    if judgement.why:
        yield from told("because", judgement.why)
    if obstacle is not None:
        word = "not" if judgement.answer is Answer.INFEASIBLE else "so far"
        text = f"reached: line {obstacle.line.number}, `{obstacle.line.text}`"
        yield from told(word, text)
        yield from _instead(judgement, obstacle)
    if judgement.change is not None:
        yield from told("nearest", f"it is feasible if {judgement.change.words}")
    elif judgement.answer is Answer.INFEASIBLE:
        yield from told("nearest", "no single change was found that makes it feasible")
    yield from told("looked", f"at {judgement.nodes:,} nodes in {judgement.seconds:.1f} s")


def _consequences(judgement: Judgement) -> Iterator[str]:
    found = judgement.violation or judgement.early
    if found is None:
        yield from told("violates", f"nothing: {judgement.behind}")
        return
    name = found.name if found.broken is not None else found.kind
    if judgement.early is not None:
        when = f"already after step {len(found.steps)} of {len(judgement.steps)}"
        yield from told("violates", f"{name}, {when}; the kernel itself would go on")
    elif judgement.follows:
        yield from told("violates", f"{name}, {judgement.follows} steps later")
    elif found.exits:
        yield from told("violates", f"{name}, when the processes exit")
    else:
        yield from told("violates", f"{name}, with its last step")
    yield from told("", found.text)


def _instead(judgement: Judgement, obstacle: Obstacle) -> Iterator[str]:
    claim, diagram = obstacle.claim, judgement.diagram
    column = obstacle.line.column
    who = diagram.heads[column] if column >= 0 else "the kernel"
    if obstacle.waits == NEVER:
        yield from told("instead", f"{who} never calls {claim.name}() on this kernel")
        return
    if obstacle.waits == "its end":
        yield from told("instead", f"{who} has come to the end of its program there")
        return
    if obstacle.waits:
        yield from told("instead", f"{who} waits in {obstacle.waits}() there")
        return
    seen = ", or ".join(obstacle.seen)
    if claim.kind is Kind.HOLDS:
        yield from told("instead", f"{seen} there; the diagram says {claim.value}")
    elif claim.kind is Kind.WRITES:
        found = f"{who} writes {seen}" if seen else f"{who} does not write it"
        yield from told("instead", f"{found} there; the diagram says {claim}")
    elif claim.kind is Kind.FAILS:
        yield from told("instead", "everything before it can happen, but nothing fails like this")
    else:
        found = f"goes to {seen}" if seen else "is elsewhere"
        yield from told("instead", f"{who} {found} there")


def happening(judgement: Judgement) -> Iterator[str]:
    """In which step each line of a feasible diagram happens."""
    yield "line  step"
    for line, step in judgement.at:
        claims = "; ".join(map(str, line.claims))
        head = judgement.diagram.heads[line.column] if line.column >= 0 else ""
        yield f"{line.number:4}  {step or 'begin':>5}  {head:6}  {claims}"[:WIDTH]


def drawn(judgement: Judgement, bench: Bench, target: Target) -> list[str]:
    """The interleaving in columns, executed by CPython; with a violation, what a kernel prints."""
    assert judgement.reading is not None
    case, config = judgement.reading.case, bench.scenario.config
    violation = violation_of(judgement)
    execution = confirm(case, config, target, violation, merged=False)
    if violation.kind:
        return list(terminal.report(execution, case, config, violation))
    return _columns(execution, case)


def _columns(execution: Execution, case: Case) -> list[str]:
    with execution.world.active():
        namer = Namer(execution.world.layout)
        return columns(draw(moments(execution, namer), namer), len(case.tasks))


def violation_of(judgement: Judgement) -> Violation:
    """What to save: the violation with all steps to it; without one, its kind is empty."""
    found = judgement.violation
    if found is None:
        return Violation(None, "", "", judgement.steps, -1)
    if judgement.follows:
        steps = (*judgement.steps, *found.steps)
        return Violation(found.broken, found.kind, found.text, steps, found.task, found.exits)
    return found


def told(name: str, text: str) -> list[str]:
    """A word in the margin, and text beside it."""
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, initial_indent=f"{name:8} ", subsequent_indent=" " * 9
    )
