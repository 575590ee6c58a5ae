"""The report of a violation, as plain text of 72 columns that fits into a commit message."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmspec.checker import CaseResult, Options, Result, Violation
from mmspec.lang.context import Config, reading
from mmspec.report.columns import WIDTH, Moment, columns, draw, moments
from mmspec.report.execution import Call, Execution, confirm
from mmspec.report.names import Namer
from mmspec.report.splat import splat
from mmspec.scenarios.scenario import Case
from mmspec.spec.machine import sizes


def report(execution: Execution, case: Case, config: Config, violation: Violation) -> list[str]:
    """What happens, what a kernel prints, and why. Lines are at most `WIDTH` wide."""
    with execution.world.active():
        namer = Namer(execution.world.layout)
        made = [*_heading(case), ""]
        shown = moments(execution, namer)
        made += [*columns(draw(shown, namer), len(case.tasks)), ""]
        made += ending(execution, violation, namer)
        made += _where(execution, shown)
    return made


def report_of(result: Result, options: Options = Options()) -> str:
    """The report of a result: of its shortest violation, or of what was explored.

    Disagreement if CPython does not end in the violation that the search found.
    """
    lines = heading(result)
    found = result.shortest
    if found is not None and found.violation is not None:
        config, violation = result.scenario.config, found.violation
        execution = confirm(found.case, config, result.target, violation, merged=options.merged)
        lines += [f"case: {found.case.name}, {len(violation.steps)} steps", ""]
        lines += report(execution, found.case, config, violation)
    else:
        lines += ["", *map(case_line, result.cases)]
    lines += explored(result, options)
    return "\n".join([*lines, f"{result.scenario.name}: {result.verdict.value}"])


def heading(result: Result) -> list[str]:
    """What was checked, and on which kernel."""
    return [
        *_fit(f"{result.scenario.name}: {result.scenario.title}"),
        *_fit(f"kernel: {result.target.kernel}"),
    ]


def ending(execution: Execution, violation: Violation, namer: Namer) -> Iterator[str]:
    """What a kernel prints, and why; while the execution is the world that is spoken of."""
    for line in splat(execution, namer):
        yield from _fit(line)
    yield ""
    yield from _why(execution, violation, namer)


def _heading(case: Case) -> Iterator[str]:
    yield from _told("set-up", case.set_up.__doc__ or case.set_up.__name__)
    for number, task in enumerate(case.tasks):
        yield from _told(f"CPU{number}", f"{task.__name__}: {task.__doc__ or ''}")


def _told(label: str, text: str) -> list[str]:
    """A label in the margin, and text beside it."""
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, initial_indent=f"{label:8} ", subsequent_indent=" " * 9
    )


def _fit(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, initial_indent="", subsequent_indent=indent + "  ") or [""]


def _why(execution: Execution, violation: Violation, namer: Namer) -> Iterator[str]:
    broken, end = violation.broken, execution.end
    if broken is not None:
        yield from _told("violated", broken.name)
        yield from _told("", broken.explanation)
    elif violation.kind == "deadlock":
        yield from _told("violated", "no deadlock: every task can go on until it has ended")
    memory = execution.world.values
    places = {place.slot: place for place in namer.places}
    layout = execution.world.layout
    seen = []
    for access in end.reads:
        slot = layout.slot(access.field, access.index, access.element)
        name, value = namer.said(places[slot], access.new, memory)
        seen.append(f"{name} is {value}")
    for text in dict.fromkeys(seen):
        yield from _told("but", text)
    numbers = [f"{n} = {namer.local(n, v)}" for n, v in end.locals if not n.startswith("_")]
    if numbers:
        yield from _told("with", ", ".join(numbers))


def _where(execution: Execution, shown: Iterable[Moment]) -> Iterator[str]:
    """The functions that were drawn, by the kernel's files; and the line of the check."""
    by_file: dict[str, dict[str, None]] = {}
    for moment in shown:
        for call in moment.path:
            if call.restates:
                by_file.setdefault(call.restates, {})[call.function] = None
    stack = execution.end.stack
    if stack:
        yield from _told("checked", f"at {source(stack[-1].call)}:{stack[-1].line}")
    for file, functions in by_file.items():
        yield from _told("where", f"{file}: {', '.join(functions)}")


def source(call: Call) -> str:
    """A file of the specification, from the package on."""
    parts = Path(call.file).parts
    at = max((k for k, part in enumerate(parts) if part == "mmspec"), default=-1)
    return "/".join(parts[at + 1 :]) if at >= 0 else parts[-1]


def largest(cases: Iterable[Case]) -> Case:
    """The case with most tasks, the first of these."""
    return max(cases, key=lambda case: len(case.tasks))


def scope(case: Case, config: Config) -> str:
    """How large the system is that was explored."""
    with reading(config):
        return (
            f"{int(sizes.HPAGE_PMD_NR)} subpages, {int(sizes.NR_FRAMES)} frames on "
            f"{sizes.NR_NODES} nodes, {len(case.tasks)} tasks on {len(case.tasks)} CPUs, "
            f"at most {int(sizes.NR_MMS)} address spaces, {int(sizes.NR_VMAS)} VMAs"
        )


def explored(result: Result, options: Options) -> Iterator[str]:
    """What a verdict covers, and what it does not."""
    cases = result.cases
    if cases:
        yield from _told("scope", scope(largest(c.case for c in cases), result.scenario.config))
    yield from _told(
        "explored",
        f"{result.states:,} states, {result.transitions:,} transitions, depth "
        f"{max((c.outcome.depth for c in cases), default=0)}, in {len(cases)} "
        f"case{'s' if len(cases) != 1 else ''}; {reductions(options)}",
    )
    if result.skipped:
        names = ", ".join(case.name for case in result.skipped)
        why = "as one before them is violated" if result.shortest else "as it was interrupted"
        yield from _told("not", f"explored, {why}: {names}")
    for found in cases:
        if found.reason:
            yield from _told("not", f"determined: {found.case.name}: {found.reason}")
    for witness in result.missing:
        yield from _told("not", f"reached: {witness.sentence} ({witness.reached.__name__})")
    yield from _told("beyond", "larger systems; what docs/abstraction.md leaves out")


def reductions(options: Options) -> str:
    """The reductions in force, in words."""
    found = ["steps under locks merged"] if options.merged else []
    found += ["tasks that are alike exchanged"] if options.symmetry else []
    return ", ".join(found) or "no reduction"


def case_line(found: CaseResult) -> str:
    """A case on one line."""
    out = found.outcome
    return f"{found.case.name:24} {found.verdict.value:12} {out.states:>11,} {out.depth:>5}"
