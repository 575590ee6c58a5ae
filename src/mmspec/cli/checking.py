"""`mmspec check`: explore every interleaving; `mmspec run`: many random ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from mmspec.check import (
    CaseResult,
    Checker,
    Options,
    Result,
    Target,
    Verdict,
    worst,
)
from mmspec.cli.options import (
    chosen_cases,
    chosen_kernel,
    coloured,
    confirmed,
    kernel_options,
    options_of,
    path_of,
    search_options,
    trace_of,
)
from mmspec.report import table, terminal
from mmspec.report.progress import Display, display
from mmspec.scenarios import scenario_named
from mmspec.scenarios.scenario import Case, Row, Scenario
from mmspec.search.bfs import Progress


@click.command("check")
@click.argument("scenario")
@kernel_options
@click.option("--case", "cases", multiple=True, metavar="CASE", help="Only this case.")
@click.option("--all-cases", is_flag=True, help="Go on after a case that is violated.")
@click.option(
    "--as-the-kernel", is_flag=True, help="Only what the kernel itself would notice counts."
)
@search_options
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("traces"),
    show_default=True,
    help="Where traces of violations are saved.",
)
def check_command(
    scenario: str,
    kernel: str | None,
    more: tuple[str, ...],
    less: tuple[str, ...],
    no_debug_vm: bool,
    cases: tuple[str, ...],
    all_cases: bool,
    as_the_kernel: bool,
    output: Path,
    **search: Any,
) -> None:
    """Explore every interleaving of a SCENARIO.

    A scenario is a set-up of system calls, and tasks that then run at the same time; it has cases.
    Without --kernel it is checked on all kernels of its table. The verdict is

    \b
      holds         every interleaving was explored, in the scope that is printed
      violated      with a shortest trace of the first case that is violated
      undetermined  time, memory or a bound ran out; or it was interrupted

    and the exit code 0, 1 or 2 (3 for an error of usage). Examples:

    \b
      mmspec check seed
      mmspec check seed --kernel v4.14
      mmspec check seed --kernel "v4.14 without the patch" --with WALK_MATCHES_ANY_PMD
      mmspec check seed -k v4.14 --case both/bind/zap --as-the-kernel --no-debug-vm
      mmspec list changes
    """
    asked = scenario_named(scenario)
    options = options_of(all_cases=all_cases, **search)
    if kernel is None and (more or less or no_debug_vm or as_the_kernel):
        raise click.UsageError("--with, --without and the like need --kernel")
    if kernel is None:
        check_table(asked, options, chosen_cases(asked, cases, None), output)
        return
    made = chosen_kernel(asked, kernel, more, less, no_debug_vm)
    label = kernel if not (more or less or no_debug_vm) else made.name
    target = Target(made, watched=not as_the_kernel)
    chosen = chosen_cases(asked, cases, made)
    check_one(asked, target, label, options, chosen if cases else None, output)


# ------------------------------------------------------------------------------ one kernel


def check_one(
    scenario: Scenario,
    target: Target,
    label: str,
    options: Options,
    cases: list[Case] | None,
    output: Path,
) -> None:
    """Check one kernel, print the report, leave with the verdict's exit code."""
    checker = Checker(scenario, [target], options)
    with display(len(cases or scenario.cases)) as shown:
        result = checker.run(_watch(shown, [label]), cases)[0]
    click.echo(f"{scenario.name}: {scenario.title}")
    click.echo(f"kernel: {label}" + ("" if target.watched else ", only what it notices itself"))
    execution = confirmed(result, options.merged)
    found = result.shortest
    if execution is not None and found is not None and found.violation is not None:
        click.echo(f"case: {found.case.name}, {len(found.violation.steps)} steps\n")
        for line in terminal.report(execution, found.case, scenario.config, found.violation):
            click.echo(line)
        _save(result, found, label, options, output)
    else:
        click.echo()
        for one in result.cases:
            click.echo(terminal.case_line(one))
    for line in terminal.explored(result, options):
        click.echo(line)
    click.echo(f"{scenario.name}: {coloured(result.verdict, result.verdict.value)}")
    raise click.exceptions.Exit(result.verdict.exit_code)


def _save(result: Result, found: CaseResult, label: str, options: Options, output: Path) -> None:
    assert found.violation is not None
    trace = trace_of(result.scenario, found.case, result.target, found.violation, options.merged)
    path = path_of(output, result.scenario, label)
    trace.save(path)
    click.echo(f"replay   mmspec replay {_quoted(path)}")


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _watch(shown: Display | None, labels: list[str]) -> Any:
    """What a checker tells goes to the display."""
    if shown is None:
        return None

    def hear(number: int, case: Case, news: Progress | CaseResult) -> None:
        name = f"{labels[number % len(labels)]}, {case.name}"
        shown.note(name, news if isinstance(news, Progress) else None)

    return hear


# -------------------------------------------------------------------------------- the table


def check_table(scenario: Scenario, options: Options, cases: list[Case], output: Path) -> None:
    """Check all kernels of a scenario's table, and print it."""
    rows = list(scenario.rows)
    targets = [Target(row.kernel) for row in rows]
    targets += [Target(row.kernel.without_debug(), watched=False) for row in rows]
    checker = Checker(scenario, targets, options)
    total = sum(case.applies(row.kernel) for row in rows for case in cases)
    chosen = None if len(cases) == len(scenario.cases) else cases
    with display(total) as shown:
        watch = _watch(shown, [row.name for row in rows])
        results = checker.run(watch, chosen, range(len(rows)))
        bad = [n for n, result in enumerate(results) if result.verdict is Verdict.VIOLATED]
        checker.options = dataclasses.replace(options, all_cases=True)
        late = checker.run(watch, chosen, [n + len(rows) for n in bad])
    click.echo(f"{scenario.name}: {scenario.title}\n")
    for line in table.table(scenario, rows, results, coloured):
        click.echo(line)
    violated = [rows[n] for n in bad]
    if bad:
        click.echo("\nWhat these print with CONFIG_DEBUG_VM off, when only they themselves look:\n")
        for line in table.late(violated, late, coloured):
            click.echo(line)
    click.echo("\nThe kernels:\n")
    for line in table.notes(rows):
        click.echo(line)
    click.echo()
    for row, result in zip(rows, results, strict=True):
        _report_row(scenario, row, result, options, output)
    for part in (table.answers(rows, results), table.footer(scenario, results, options)):
        for line in part:
            click.echo(line)
    click.echo(table.summary(scenario.name, results))
    verdict = worst(result.verdict for result in results)
    raise click.exceptions.Exit(verdict.exit_code)


def _report_row(
    scenario: Scenario, row: Row, result: Result, options: Options, output: Path
) -> None:
    """Confirm and save a row's violation; the one to be shown is."""
    execution, found = confirmed(result, options.merged), result.shortest
    if execution is None or found is None or found.violation is None:
        return
    if row.name != scenario.shown:
        trace = trace_of(scenario, found.case, result.target, found.violation, options.merged)
        trace.save(path_of(output, scenario, row.name))
        return
    click.echo(f"{row.name}, step by step ({found.case.name}):\n")
    for line in terminal.report(execution, found.case, scenario.config, found.violation):
        click.echo(line)
    _save(result, found, row.name, options, output)
    click.echo()
