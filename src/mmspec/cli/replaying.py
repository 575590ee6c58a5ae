"""`mmspec replay`: the steps of a trace again, in CPython, under a debugger if wanted."""

from __future__ import annotations

import pdb
import sys
from pathlib import Path
from types import FrameType

import click

from mmspec.lang.context import ModelError
from mmspec.report import terminal
from mmspec.report.execution import Execution, StepTaken, confirm, follow
from mmspec.report.names import Namer
from mmspec.report.trace import Trace, load


@click.command("replay")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--until", type=click.IntRange(1), metavar="STEP", help="Stop after this step.")
@click.option(
    "--pdb", "debug", is_flag=True, help="Enter pdb in the last step, or in that of --until."
)
@click.option("--report", is_flag=True, help="The report instead of the steps.")
def replay_command(trace: Path, until: int | None, debug: bool, report: bool) -> None:
    """Execute the interleaving of a TRACE once more, in CPython.

    Each step is printed with the functions it is in and what it changes. With --pdb, the debugger
    stops in the specification's own function at the first access of the step; `where`, `p page`
    and `next` work as in any Python program.

    \b
      mmspec replay traces/seed-V-A.json --until 40
      mmspec replay traces/seed-V-A.json --pdb
    """
    found = load(trace)
    if not found.is_current:
        click.echo("note: the specification has changed since this trace was saved", err=True)
    execution = Execution(found.case, found.config, found.target, merged=found.merged)
    if report:
        confirm(found.case, found.config, found.target, found.violation, execution=execution)
        for line in terminal.report(execution, found.case, found.config, found.violation):
            click.echo(line)
        raise click.exceptions.Exit(1)
    _replay(found, execution, until, debug)


def _replay(found: Trace, execution: Execution, until: int | None, debug: bool) -> None:
    last = len(found.violation.steps)
    stop = until if until is not None else last
    click.echo(f"{found.scenario.name}, {found.case.name}, on {found.target.kernel.name}")
    end = f"to: {found.violation.kind}: {found.violation.text}" if found.violation.kind else ""
    click.echo(f"{last} steps {end}".rstrip() + "\n")
    with execution.running():
        namer = Namer(execution.world.layout)
        try:
            for task, choice in found.violation.steps[:stop]:
                if debug and len(execution.steps) + 1 == stop:
                    execution.pause = _break_here
                _print(execution, execution.step(task, choice), namer)
            if stop >= last:
                rest = found.violation
                follow(execution, rest, begun=True)
                for step in execution.steps[last:]:
                    _print(execution, step, namer)
        except ModelError as error:
            raise ModelError(
                f"this trace does not fit the specification any more: {error}"
            ) from None
        if until is not None and until < last:
            raise click.exceptions.Exit(0)
        if not found.violation.kind and not execution.end.kind:
            raise click.exceptions.Exit(0)  # a diagram that was judged feasible, and is harmless
        click.echo()
        for line in terminal.ending(execution, found.violation, namer):
            click.echo(line)
    if execution.end.kind != found.violation.kind:
        click.echo("this does not end in the violation that the trace was saved for", err=True)
        raise click.exceptions.Exit(2)
    raise click.exceptions.Exit(1)


class _Debugger(pdb.Pdb):
    """pdb that goes on quietly when its input ends."""

    def do_EOF(self, arg: str) -> bool | None:
        return self.do_continue(arg)


def _break_here(frame: FrameType) -> None:
    """Stop at the next line of the specification; what is around it is passed over."""
    skip = [f"mmspec.{part}*" for part in ("lang", "report", "compiler", "search")]
    _Debugger(stdin=sys.stdin, stdout=sys.stdout, nosigint=True, skip=skip).set_trace(frame)


def _print(execution: Execution, step: StepTaken, namer: Namer) -> None:
    """A step: where it is, and what it changes."""
    stack = step.events[0].stack if step.events else step.stack
    path = " > ".join(place.call.function for place in stack[-4:]) or "end"
    at = f"{terminal.source(stack[-1].call)}:{stack[-1].line}" if stack else ""
    choice = f" (alternative {step.choice})" if step.choice else ""
    click.echo(f"{step.number:4}  CPU{step.task}  {path}{choice}  {click.style(at, dim=True)}")
    layout = execution.world.layout
    places = {place.slot: place for place in namer.places}
    for event in step.events:
        access = event.access
        if access.kind == "write" and access.old != access.new:
            slot = layout.slot(access.field, access.index, access.element)
            memory = execution.world.values
            name, value = namer.said(places[slot], access.new, memory)
            _, before = namer.said(places[slot], access.old, memory)
            click.echo(f"            {name}: {before} -> {value}")
