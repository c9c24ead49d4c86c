"""The command group: lazy, so that `triage --help` imports no command."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import groupby

import click

from triage.cli.commands import TABLE
from triage.errors import ExitCode, TriageError


class LazyGroup(click.Group):
    """Loads the module of a command when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None where there is no such name."""
        if cmd_name not in TABLE:
            return None
        module = import_module(f"triage.cli.{TABLE[cmd_name].module}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section a heading, from the table alone."""
        for heading, entries in groupby(TABLE.items(), key=lambda item: item[1].group):
            with formatter.section(heading):
                formatter.write_dl([(name, entry.summary) for name, entry in entries])


EPILOG = """\b
Examples:
  triage init                      write the settings and the ledgers
  triage run --workers 2           phase A: run, record, cluster
  triage probe C19                 phase B: why, by experiment
  triage design C19                phase C: repairs, compared by running them
  triage verify C19                phase D: exit criteria, then resolved
  triage check                     every stated number, recomputed
"""


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="triage-lab", prog_name="triage")
@click.option("--root", type=click.Path(), default=None, help="The suite's root.", metavar="DIR")
@click.pass_context
def group(ctx: click.Context, root: str | None) -> None:
    """Turn a red pytest suite into root causes, each proven by experiment, and track them to green."""
    ctx.obj = {"root": root, **(ctx.obj or {})}


def run(argv: Sequence[str]) -> int:
    """Run one command; every outcome is an exit code of the design, every error one line."""
    try:
        words = list(argv)
        behind = words[words.index("--") + 1 :] if "--" in words else []
        code = group.main(args=words, prog_name="triage", standalone_mode=False, obj={"behind": behind})
        return int(code) if isinstance(code, int) else ExitCode.OK
    except TriageError as error:
        _complain(str(error))
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.UsageError as error:
        where = f"{error.ctx.command_path} --help" if error.ctx else "triage --help"
        _complain(f"{error.format_message()} See '{where}'. [usage]")
        return ExitCode.USAGE
    except click.ClickException as error:
        _complain(f"{error.format_message()} [usage]")
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; what was recorded is kept [interrupted]")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.OK
    except Exception:
        traceback.print_exc()
        _complain("this is a bug in triage; report it with the lines above [bug]")
        return ExitCode.BUG


def _complain(text: str) -> None:
    from triage.cli.console import one_line

    click.echo(f"triage: {one_line(text)}", err=True)
