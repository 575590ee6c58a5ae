"""`mmspec export`: the same transition system for another tool."""

from __future__ import annotations

from pathlib import Path

import click

from mmspec.checker import Checker, Options, Target
from mmspec.cli.options import chosen_kernel, kernel_options, size_option, sized
from mmspec.compiler.promela import export
from mmspec.scenarios import scenario_named


@click.command("export")
@click.argument("scenario")
@kernel_options
@size_option
@click.option("--promela", is_flag=True, required=True, help="For Spin.")
@click.option("--case", metavar="CASE", help="Which case.  [default: the first]")
@click.option(
    "--merged",
    is_flag=True,
    help="With merged steps; Spin may read long ones for a quarter of an hour.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file to write."
)
def export_command(
    scenario: str,
    kernel: str | None,
    more: tuple[str, ...],
    less: tuple[str, ...],
    no_debug_vm: bool,
    sizes: tuple[str, ...],
    promela: bool,
    case: str | None,
    merged: bool,
    output: Path | None,
) -> None:
    """Write a case of a SCENARIO as a model for Spin.

    Spin, run on it without its own reduction, must find as many states and transitions (but for
    the one that leads to the initial state) as `mmspec check --no-merge` with the same kernel and
    case. Spin takes about a minute to read the model, and gcc another:

    \b
      mmspec export seed --promela --kernel v4.14 --case huge/split/zap -o model.pml
      spin -a -o1 -o2 -o3 model.pml
      gcc -O1 -w -fwrapv -DSAFETY -DNOREDUCE -DNOFAIR -DVECTORSZ=4096 -o pan pan.c
      ./pan -m1000000 -E
    """
    asked = sized(scenario_named(scenario), sizes)
    made = chosen_kernel(asked, kernel or "v4.14", more, less, no_debug_vm)
    applying = [c for c in asked.cases if c.applies(made)]
    chosen = asked.case(case) if case else applying[0]
    checker = Checker(asked, [Target(made)], Options(merged=merged))
    text = export(checker.full_system(), checker.initial(chosen, 0))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from None
    click.echo(f"{output}: {chosen.name} on {made}")
