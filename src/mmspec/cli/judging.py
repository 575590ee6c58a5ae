"""`mmspec judge`: can what somebody has drawn in columns happen at all?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from mmspec.checker import Target
from mmspec.cli.options import chosen_kernel, path_of, trace_of
from mmspec.judge import output, proposal
from mmspec.judge.bench import Bench
from mmspec.judge.diagram import Diagram, front_matter, meanings, read
from mmspec.judge.layout import MOST_BYTES, DiagramError, lines_of
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge, Judgement
from mmspec.kernels import Kernel
from mmspec.kernels.known import UnknownName
from mmspec.scenarios import scenario_named
from mmspec.scenarios.scenario import Scenario

_COLOURS = {Answer.FEASIBLE: "green", Answer.INFEASIBLE: "red", Answer.UNDETERMINED: "yellow"}


@click.command("judge")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-k", "--kernel", metavar="KERNEL", help="A release, or a row of a table.")
@click.option(
    "--scenario",
    metavar="NAME",
    help="What is run.  [default: all scenarios whose programs call what is named]",
)
@click.option("--case", metavar="CASE", help="Only this case.")
@click.option("--columns", metavar="A,B", help="The program that each column runs.")
@click.option(
    "--map", "maps", multiple=True, metavar="TEXT=STEP", help="What a text means; `-`: nothing."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=Limits.seconds,
    show_default=True,
    metavar="S",
    help="Give a case up after this.",
)
@click.option(
    "--nodes",
    type=click.IntRange(1),
    default=Limits.nodes,
    show_default=True,
    metavar="N",
    help="Give a case up beyond this.",
)
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("traces"),
    show_default=True,
    help="Where the trace of a feasible diagram is saved.",
)
def judge_command(
    file: Path,
    kernel: str | None,
    scenario: str | None,
    case: str | None,
    columns: str | None,
    maps: tuple[str, ...],
    seconds: float,
    nodes: int,
    directory: Path,
) -> None:
    """Can the race that is drawn in FILE (- for standard input) happen?

    FILE has a diagram as kernel developers draw it: a line with the names of the columns (CPU0,
    CPU1), below it who does what, time runs downwards. The answer is

    \b
      feasible      some interleaving agrees with it; it is saved as a trace
      infeasible    none does: every one was looked at
      undetermined  lines were not understood, no case fits, or time ran out

    and the exit code 0, 1 or 2 (3 for an error of usage). See docs/judge.md.

    \b
      mmspec judge claim.txt --kernel v4.13
      mmspec judge - --case both/bind/zap --map "drops the ref=put_page()" < mail
    """
    given = {"kernel": kernel, "scenario": scenario, "case": case, "columns": columns}
    data = _text(file)
    front, _ = front_matter(lines_of(data))
    front |= {key: value for key, value in given.items() if value is not None}
    diagram = read(data, proposal.vocabulary(meanings(maps)), proposal.every_program())
    diagram = replace(diagram, front=front)
    asked = [scenario_named(front["scenario"])] if "scenario" in front else None
    limits = Limits(seconds, nodes)
    with Console(stderr=True).status("reading") as status:
        bench, label, judgement, others = judged(
            diagram, asked, limits, lambda name: status.update(f"looking in {name}")
        )
    answer = show(judgement, bench, label, directory, others)
    click.echo(f"judge: {click.style(answer.value, fg=_COLOURS[answer], bold=True)}")
    raise click.exceptions.Exit(answer.exit_code)


def judged(
    diagram: Diagram,
    asked: list[Scenario] | None,
    limits: Limits,
    watch: Callable[[str], None] = lambda name: None,
) -> tuple[Bench, str, Judgement, list[str]]:
    """Judge a diagram in the scenarios asked for, or in all that it may speak of.

    The first in which it is feasible is the one told of; else one in which that is not known; else
    the first of those in which it is infeasible. With its bench, the kernel's label, and the names
    of the other scenarios that were looked at.
    """
    fitting = asked or proposal.proposed(diagram)
    made: list[tuple[Bench, str, Judgement]] = []
    unknown: UnknownName | None = None
    for scenario in fitting or [scenario_named("seed")]:
        try:
            label, kernel = kernel_of(scenario, dict(diagram.front))
        except UnknownName as error:
            unknown = unknown or error
            continue
        watch(scenario.name)
        bench = Bench(scenario, [kernel])
        judgement = Judge(bench, 0, limits).judge(diagram)
        made.append((bench, label, judgement))
        if judgement.answer is Answer.FEASIBLE:
            break
    if unknown is not None and not made:
        raise unknown
    order = [Answer.FEASIBLE, Answer.UNDETERMINED, Answer.INFEASIBLE]
    told = min(made, key=lambda one: order.index(one[2].answer))
    others = [bench.scenario.name for bench, _, _ in made if bench is not told[0]]
    return *told, others


def _text(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with open(file, "rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise DiagramError(f"{file}: {error.strerror}") from None


def kernel_of(scenario: Scenario, front: dict[str, str]) -> tuple[str, Kernel]:
    """The kernel that front matter and options name, and how to call it."""
    name = front.get("kernel", "v4.14")
    more = tuple(front.get("with", "").replace(",", " ").split())
    less = tuple(front.get("without", "").replace(",", " ").split())
    debug = front.get("debug_vm", "on")
    if debug not in ("on", "off"):
        raise DiagramError(f"debug_vm: {debug!r} is neither `on` nor `off`")
    made = chosen_kernel(scenario, name, more, less, debug == "off")
    label = " ".join([name, *(f"+{c}" for c in more), *(f"-{c}" for c in less)])
    return label + (", no DEBUG_VM" if debug == "off" else ""), made


def show(
    judgement: Judgement, bench: Bench, kernel: str, directory: Path, others: Sequence[str] = ()
) -> Answer:
    """Print a judgement; the answer, given what was not understood.

    others: scenarios in which it was looked for before.
    """
    for line in output.said(judgement, bench, kernel, others):
        click.echo(line)
    answer = judgement.answer
    if answer is Answer.FEASIBLE:
        target = target_of(judgement, bench)
        click.echo()
        for line in output.happening(judgement):
            click.echo(line)
        click.echo()
        for line in output.drawn(judgement, bench, target):
            click.echo(line)
        click.echo()
    for line in output.verdict(judgement):
        click.echo(line)
    if answer is Answer.FEASIBLE:
        _save(judgement, bench, kernel, directory)
        if judgement.diagram.unread:
            for line in output.told("because", "what was read is feasible, but not all was read"):
                click.echo(line)
            return Answer.UNDETERMINED
    return answer


def target_of(judgement: Judgement, bench: Bench) -> Target:
    """On what the interleaving is executed: watched, if that is what finds its violation."""
    watched = judgement.violation is not None and (judgement.follows > 0 or judgement.watched)
    return Target(bench.kernels[0], watched)


def _save(judgement: Judgement, bench: Bench, kernel: str, directory: Path) -> None:
    assert judgement.reading is not None
    violation = output.violation_of(judgement)
    target = target_of(judgement, bench)
    trace = trace_of(bench.scenario, judgement.reading.case, target, violation, False)
    path = path_of(directory, bench.scenario, f"{kernel}-judged")
    trace.save(path)
    click.echo(f"replay   mmspec replay {shlex.quote(str(path))}")
