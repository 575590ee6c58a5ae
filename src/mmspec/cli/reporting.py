"""`mmspec report`: a trace told in other forms."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from mmspec.lang.context import ModelError
from mmspec.report.formats import FORMATS, format_of
from mmspec.report.history import tell
from mmspec.report.trace import load


def _listed() -> str:
    rows = [f"  {made.ending:8} {made.name:8} {made.about}" for made in FORMATS]
    return "\b\nThe ending of FILE says which form it has:\n" + "\n".join(rows)


@click.command("report", epilog=_listed())
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write this file; as often as wanted.",
)
@click.option(
    "--format",
    "name",
    type=click.Choice([made.name for made in FORMATS]),
    help="Print this form; text if nothing is said.",
)
def report_command(trace: Path, outputs: tuple[Path, ...], name: str | None) -> None:
    """Tell what happens in a TRACE: as text, as a page to step through, or for other tools.

    The trace is executed once more, in CPython, and must end in its violation.

    \b
      mmspec report traces/seed-V-A.json
      mmspec report traces/seed-V-A.json -o seed.html -o seed.txt
      mmspec report traces/seed-V-A.json --format ktap
    """
    wanted = [(path, format_of(path)) for path in outputs]
    found = load(trace)
    if not found.is_current:
        click.echo("note: the specification has changed since this trace was saved", err=True)
    history = tell(found, str(trace))
    for path, made in wanted:
        _write(path, made.make(history))
    if name is not None or not outputs:
        shown = next(made for made in FORMATS if made.name == (name or "text"))
        click.echo(shown.make(history), nl=False)


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise ModelError(f"{path}: the report cannot be written: {error.strerror}") from None
