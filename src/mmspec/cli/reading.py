"""`mmspec show`, `mmspec diff`: one kernel's text; `mmspec list`: what there is."""

from __future__ import annotations

import click

from mmspec.kernels import Kernel
from mmspec.kernels.fold import difference, folded, function_named, functions, heading
from mmspec.kernels.known import CHANGES, change_named, release_named
from mmspec.kernels.releases import RELEASES
from mmspec.properties import PROPERTIES
from mmspec.scenarios import NAMES, scenario_named


def kernel_of(text: str) -> Kernel:
    """A release, with changes put in or taken out: `v4.14-SPLIT_FREEZE_FLAG+BRANCH_AT_TOP`."""
    name = text.replace("+", " +").replace("-", " -").split()
    if not name:
        raise click.BadParameter("a kernel is a release: v4.14")
    kernel = release_named(name[0])
    for word in name[1:]:
        change = change_named(word[1:])
        kernel = kernel.with_(change) if word[0] == "+" else kernel.without(change)
    return kernel


_KERNEL = "KERNEL is a release; `v4.14-CHANGE+CHANGE` takes changes out or puts them in."


@click.command("show", epilog=_KERNEL)
@click.argument("function")
@click.option("-k", "--kernel", default="v4.14", show_default=True, metavar="KERNEL")
def show_command(function: str, kernel: str) -> None:
    """Print a FUNCTION of the specification as one kernel has it."""
    fn, made = function_named(function), kernel_of(kernel)
    title = heading(fn, made)
    if title:
        click.echo(title)
    click.echo(folded(fn, made), nl=False)


@click.command("diff", epilog=_KERNEL)
@click.argument("first", metavar="KERNEL1")
@click.argument("second", metavar="KERNEL2")
@click.argument("function", nargs=-1)
def diff_command(first: str, second: str, function: tuple[str, ...]) -> None:
    """Print how two kernels differ, as a unified diff; of all functions, or of some."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difference(kernel_of(first), kernel_of(second), function):
        click.echo(click.style(line, fg=colours.get(line[0])) if line else line)


@click.command("list")
@click.argument(
    "what",
    type=click.Choice(["scenarios", "cases", "kernels", "changes", "properties", "functions"]),
    required=False,
)
def list_command(what: str | None) -> None:
    """Print what can be named: scenarios, kernels, changes, properties, functions."""
    asked = [what] if what else ["scenarios", "kernels", "changes", "properties"]
    for n, each in enumerate(asked):
        if len(asked) > 1:
            click.echo(("\n" if n else "") + click.style(f"{each}:", bold=True))
        _LISTS[each]()


def _rows(rows: list[tuple[str, str]]) -> None:
    wide = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"  {name:{wide}}  {text}".rstrip())


def _scenarios() -> None:
    _rows([(name, scenario_named(name).title) for name in NAMES])


def _cases() -> None:
    for name in NAMES:
        found = scenario_named(name)
        _rows([(f"{name} {case.name}", "") for case in found.cases])


def _kernels() -> None:
    rows = [(name, f"{len(kernel.changes)} changes") for name, kernel in RELEASES.items()]
    for name in NAMES:
        rows += [(row.name, row.note) for row in scenario_named(name).rows]
    _rows(rows)


def _changes() -> None:
    _rows(
        [
            (name, f"{change.commit or 'draft':12}  {change.release:8}  {change.subject}")
            for name, change in CHANGES.items()
        ]
    )


def _properties() -> None:
    _rows([(name, made.explanation) for name, made in PROPERTIES.items()])


def _functions() -> None:
    for name, fn in sorted(functions().items()):
        click.echo(f"  {name}  {getattr(fn, 'file', '')}".rstrip())


_LISTS = {
    "scenarios": _scenarios,
    "cases": _cases,
    "kernels": _kernels,
    "changes": _changes,
    "properties": _properties,
    "functions": _functions,
}
