"""The command `mmspec`, and what becomes of errors.

Exit codes: 0 holds, 1 violated, 2 undetermined, 3 an error of usage.
"""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any

import click

from mmspec.lang.context import ModelError

#: Verbs by the module that has them: imported when they are used.
VERBS = {
    "check": "checking",
    "run": "checking",
    "replay": "replaying",
    "judge": "judging",
    "report": "reporting",
    "show": "reading",
    "diff": "reading",
    "list": "reading",
    "export": "exporting",
    "museum": "museums",
}
USAGE_ERROR = 3


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = importlib.import_module(f"mmspec.cli.{VERBS[name]}")
        found = getattr(module, f"{name}_command")
        assert isinstance(found, click.Command)
        return found


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mmspec")
def commands() -> None:
    """Can that race happen?

    An executable specification of Linux's anonymous memory and transparent huge pages. Begin with

    \b
        mmspec check seed                   a scenario, on many kernels
        mmspec check seed --kernel V-A      one kernel, with a report
        mmspec replay traces/seed-V-A.json  the same steps again, one by one
        mmspec list                         what there is
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors of usage are one line, without a traceback."""
    gc.set_threshold(100_000)  # there is little garbage, and much that lives on
    try:
        code = commands.main(arguments, prog_name="mmspec", standalone_mode=False)
    except click.exceptions.Exit as exit:
        code = exit.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = USAGE_ERROR
    except ModelError as error:
        click.echo(f"mmspec: {error}", err=True)
        code = USAGE_ERROR
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = 2
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code or 0)
