"""A scenario on many kernels: one line each, and what the kernels would notice by themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence

from mmspec.checker import Options, Result, Verdict, Violation
from mmspec.report.terminal import largest, reductions, scope
from mmspec.scenarios.scenario import Row, Scenario

WIDTH = 100
Style = Callable[[Verdict, str], str]


def plain(_: Verdict, text: str) -> str:
    """No colour."""
    return text


def seen_as(violation: Violation) -> str:
    """How a violation first shows itself, in a few words."""
    if violation.kind == "property":
        return violation.text
    if violation.kind in ("VM_BUG_ON", "BUG_ON", "WARNING"):
        text = violation.text.removeprefix("kernel BUG: ")
        return text if "BUG" in text or "WARN" in text else f"{violation.kind}({text})"
    if violation.text.removeprefix("BUG: ").startswith(violation.kind):
        return violation.text.removeprefix("BUG: ")
    return f"{violation.kind}: {violation.text}"


def table(
    scenario: Scenario, rows: Sequence[Row], results: Sequence[Result], style: Style = plain
) -> Iterator[str]:
    """A line for each kernel."""
    wide = max(len(row.name) for row in rows)
    yield f"{'kernel':{wide}}  {'verdict':12}  {'states':>9}  {'steps':>5}  first seen as"
    for row, result in zip(rows, results, strict=True):
        yield _line(row.name, wide, result, style)


def _line(name: str, wide: int, result: Result, style: Style) -> str:
    found = result.shortest
    steps, words = "", ""
    if found is not None and found.violation is not None:
        steps = f"{len(found.violation.steps):,}"
        words = f"{seen_as(found.violation)} ({found.case.name})"
    elif result.verdict is Verdict.UNDETERMINED:
        words = why_undetermined(result)
    verdict = style(result.verdict, f"{result.verdict.value:12}")
    line = f"{name:{wide}}  {verdict}  {result.states:>9,}  {steps:>5}  {words}"
    return line.rstrip()


def why_undetermined(result: Result) -> str:
    """The first reason there is."""
    for found in result.cases:
        if found.reason:
            return f"{found.reason} ({found.case.name})"
    if result.missing:
        return f"never reached: {result.missing[0].sentence}"
    return f"interrupted, {len(result.skipped)} cases not explored"


def late(rows: Sequence[Row], results: Sequence[Result], style: Style = plain) -> Iterator[str]:
    """What violated kernels print if nothing but themselves looks, and CONFIG_DEBUG_VM is off."""
    wide = max((len(row.name) for row in rows), default=0)
    for row, result in zip(rows, results, strict=True):
        kinds: dict[str, str] = {}
        for found in result.cases:
            if found.violation is not None:
                kinds.setdefault(seen_as(found.violation), found.case.name)
        verdict = style(result.verdict, f"{result.verdict.value:12}")
        first = f"{row.name:{wide}}  {verdict}  "
        nothing = "it notices nothing"
        if result.verdict is Verdict.UNDETERMINED:
            nothing = why_undetermined(result)
        said = [f"{text} ({case})" for text, case in kinds.items()] or [nothing]
        for n, text in enumerate(said):
            yield (first if n == 0 else " " * (wide + 16)) + text


def notes(rows: Sequence[Row]) -> Iterator[str]:
    """What is special about each kernel."""
    wide = max(len(row.name) for row in rows)
    for row in rows:
        if row.note:
            yield f"{row.name:{wide}}  {row.note}"


def answers(rows: Sequence[Row], results: Sequence[Result]) -> Iterator[str]:
    """Questions that rows were made to answer."""
    said = {
        Verdict.HOLDS: "no, not in this scope: every interleaving was explored",
        Verdict.VIOLATED: "yes",
        Verdict.UNDETERMINED: "undetermined",
    }
    for row, result in zip(rows, results, strict=True):
        if row.question:
            text = f"{row.name}: {row.question} {said[result.verdict]} ({result.states:,} states)."
            yield from textwrap.wrap(text, WIDTH)


def footer(scenario: Scenario, results: Sequence[Result], options: Options) -> Iterator[str]:
    """The scope of all verdicts of a table."""
    case = largest(scenario.cases)
    states = sum(result.states for result in results)
    skipped = sum(len(result.skipped) for result in results)
    text = (
        f"scope: {scope(case, scenario.config)}; {len(scenario.cases)} cases; {states:,} states; "
        f"{reductions(options)}."
    )
    if skipped:
        text += (
            f" Not explored: {skipped} cases of kernels that an earlier case has violated "
            "(--all-cases explores them),"
        )
    else:
        text += " Not explored:"
    text += " larger systems, and what docs/abstraction.md leaves out."
    yield from textwrap.wrap(text, WIDTH)


def summary(name: str, results: Sequence[Result]) -> str:
    """The last line."""
    count = {verdict: 0 for verdict in Verdict}
    for result in results:
        count[result.verdict] += 1
    return (
        f"{name}: {count[Verdict.VIOLATED]} violated, {count[Verdict.HOLDS]} hold, "
        f"{count[Verdict.UNDETERMINED]} undetermined"
    )
