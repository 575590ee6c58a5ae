"""`mmspec judge`: can what somebody has drawn in columns happen at all?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from mmspec.checker import Target
from mmspec.cli.options import chosen_kernel, path_of, trace_of
from mmspec.judge import output
from mmspec.judge.bench import Bench
from mmspec.judge.diagram import Diagram, front_matter, meanings, read
from mmspec.judge.layout import MOST_BYTES, DiagramError, lines_of
from mmspec.judge.search import Limits
from mmspec.judge.verdict import Answer, Judge, Judgement
from mmspec.kernels import Kernel
from mmspec.scenarios import scenario_named
from mmspec.scenarios.scenario import Scenario

_COLOURS = {Answer.FEASIBLE: "green", Answer.INFEASIBLE: "red", Answer.UNDETERMINED: "yellow"}


@click.command("judge")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-k", "--kernel", metavar="KERNEL", help="A release, or a row of a table.")
@click.option("--scenario", metavar="NAME", help="What is run.  [default: seed]")
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
    asked = scenario_named(front.get("scenario", "seed"))
    label, made = kernel_of(asked, front)
    bench = Bench(asked, [made])
    diagram = read(data, bench.vocabulary(meanings(maps)), bench.programs)
    diagram = Diagram(diagram.heads, diagram.lines, diagram.unread, diagram.comments, front)
    judgement = Judge(bench, 0, Limits(seconds, nodes)).judge(diagram)
    answer = show(judgement, bench, label, directory)
    click.echo(f"judge: {click.style(answer.value, fg=_COLOURS[answer], bold=True)}")
    raise click.exceptions.Exit(answer.exit_code)


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


def show(judgement: Judgement, bench: Bench, kernel: str, directory: Path) -> Answer:
    """Print a judgement; the answer, given what was not understood."""
    for line in output.said(judgement, bench, kernel):
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
