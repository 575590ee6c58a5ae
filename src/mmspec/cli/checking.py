"""`mmspec check`: explore every interleaving; `mmspec run`: many random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmspec.checker import (
    CaseResult,
    Checker,
    Options,
    Result,
    Target,
    Verdict,
    Violation,
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
    size_option,
    sized,
    trace_of,
)
from mmspec.report import table, terminal
from mmspec.report.execution import confirm
from mmspec.report.progress import Display, display
from mmspec.scenarios import scenario_named
from mmspec.scenarios.scenario import Case, Row, Scenario
from mmspec.search.bfs import Progress


@click.command("check")
@click.argument("scenario")
@kernel_options
@size_option
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
    sizes: tuple[str, ...],
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
      mmspec check seed --kernel "v4.14 less the patch" --with WALK_MATCHES_ANY_PMD
      mmspec check seed -k v4.14 --case both/bind/zap --as-the-kernel --no-debug-vm
      mmspec list changes
    """
    asked = sized(scenario_named(scenario), sizes)
    options = options_of(all_cases=all_cases, **search)
    if kernel is None and (more or less or no_debug_vm or as_the_kernel):
        raise click.UsageError("--with, --without and the like need --kernel")
    if kernel is None:
        check_table(asked, options, chosen_cases(asked, cases, None), output)
        return
    made = chosen_kernel(asked, kernel, more, less, no_debug_vm)
    label = " ".join([kernel, *(f"+{c}" for c in more), *(f"-{c}" for c in less)])
    label += ", no DEBUG_VM" if no_debug_vm else ""
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
        # what holds although everything is checked holds for a kernel that checks less
        known = {
            (n + len(rows), found.case.name): found
            for n in bad
            for found in results[n].cases
            if found.verdict is Verdict.HOLDS
        }
        late = checker.run(watch, chosen, [n + len(rows) for n in bad], known)
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
        _save_row(row, result, options, output)
    for row, result in zip(violated, late, strict=True):
        if row.name == scenario.shown and result.shortest is not None:
            _show_row(row, result, options, output)
    for part in (table.answers(rows, results), table.footer(scenario, results, options)):
        for line in part:
            click.echo(line)
    click.echo(table.summary(scenario.name, results))
    verdict = worst(result.verdict for result in results)
    raise click.exceptions.Exit(verdict.exit_code)


def _save_row(row: Row, result: Result, options: Options, output: Path) -> None:
    """Confirm a row's violation, and save it."""
    if confirmed(result, options.merged, observe=False) is not None:
        found = result.shortest
        assert found is not None and found.violation is not None
        trace = trace_of(
            result.scenario, found.case, result.target, found.violation, options.merged
        )
        trace.save(path_of(output, result.scenario, row.name))


def _show_row(row: Row, result: Result, options: Options, output: Path) -> None:
    """A violation step by step, as the kernel itself notices it."""
    execution, found = confirmed(result, options.merged), result.shortest
    assert execution is not None and found is not None and found.violation is not None
    click.echo(f"{row.name}, with CONFIG_DEBUG_VM off, step by step ({found.case.name}):\n")
    lines = terminal.report(execution, found.case, result.scenario.config, found.violation)
    for line in lines:
        click.echo(line)
    _save(result, found, f"{row.name}-no-debug", options, output)
    click.echo()


# ----------------------------------------------------------------------------- random runs


@click.command("run")
@click.argument("scenario")
@kernel_options
@size_option
@click.option("--case", "cases", multiple=True, metavar="CASE", help="Only this case.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")
@click.option(
    "--runs",
    "count",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    metavar="M",
    help="Schedules of each case.",
)
@click.option(
    "--pct",
    type=click.IntRange(1),
    metavar="D",
    help="Priorities that change at D - 1 random steps, instead of a random task at each step.",
)
@search_options
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("traces"),
    show_default=True,
    help="Where the trace of a violation is saved.",
)
def run_command(
    scenario: str,
    kernel: str | None,
    more: tuple[str, ...],
    less: tuple[str, ...],
    no_debug_vm: bool,
    sizes: tuple[str, ...],
    cases: tuple[str, ...],
    seed: int,
    count: int,
    pct: int | None,
    output: Path,
    **search: Any,
) -> None:
    """Run a SCENARIO under random schedules: for what is too large to be explored.

    The same seed makes the same runs. A violation is a violation, with a shortened schedule; but
    that none was found proves nothing: the verdict is then undetermined.

    \b
      mmspec run seed --kernel V-A --seed 1 --runs 1000
      mmspec run seed --kernel v4.14 --pct 3 --runs 100000 --seconds 60
    """
    asked = sized(scenario_named(scenario), sizes)
    options = options_of(**search)
    label = kernel or "v4.14"
    made = chosen_kernel(asked, label, more, less, no_debug_vm)
    chosen = [c for c in chosen_cases(asked, cases, made if cases else None) if c.applies(made)]
    checker = Checker(asked, [Target(made)], options)
    click.echo(f"{asked.name}: {asked.title}\nkernel: {made}, seed {seed}\n")
    total = 0
    for case in chosen:
        ran = checker.run_randomly(case, 0, seed=seed, runs=count, depth=pct)
        total += ran.outcome.runs
        click.echo(
            f"{case.name:24} {ran.outcome.runs:>9,} runs {ran.outcome.steps:>12,} steps "
            f"{ran.outcome.ends:>7,} final states"
        )
        if ran.violation is not None:
            _found_randomly(asked, case, checker.targets[0], ran.violation, label, options, output)
        if ran.outcome.stopped == "interrupted":
            break
    click.echo(f"{asked.name}: undetermined: nothing found in {total:,} runs")
    raise click.exceptions.Exit(Verdict.UNDETERMINED.exit_code)


def _found_randomly(
    scenario: Scenario,
    case: Case,
    target: Target,
    violation: Violation,
    label: str,
    options: Options,
    output: Path,
) -> None:
    click.echo()
    execution = confirm(case, scenario.config, target, violation, merged=options.merged)
    for line in terminal.report(execution, case, scenario.config, violation):
        click.echo(line)
    trace = trace_of(scenario, case, target, violation, options.merged)
    path = path_of(output, scenario, f"{label}-run")
    trace.save(path)
    click.echo(f"replay   mmspec replay {_quoted(path)}")
    click.echo(f"{scenario.name}: {coloured(Verdict.VIOLATED, 'violated')}")
    raise click.exceptions.Exit(Verdict.VIOLATED.exit_code)
