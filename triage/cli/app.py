"""The command group: lazy, so that `triage --help` imports no command, and little else besides click."""

from __future__ import annotations

import errno
import gc
from collections.abc import Sequence
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import click

from triage.cli.signals import interrupted_by_signals
from triage.errors import SCHEMA_VERSION, ExitCode, TriageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_REFUSALS = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENAMETOOLONG, errno.ELOOP,
    }
)  # fmt: skip
"""What disk and limits of a machine say; no bug of triage, wherever it was not foreseen."""


class Entry(NamedTuple):
    """Where a command lives, what it does, and the heading it stands under."""

    module: str
    summary: str
    group: str


TABLE: dict[str, Entry] = {
    "init": Entry("init", "Write settings, ledgers, a pipeline, a page for agents.", "Set up"),
    "config": Entry("project", "Print each setting with its value and its origin.", "Set up"),
    "doctor": Entry("project", "Say what is wrong with machine, settings and ledgers.", "Set up"),
    "schema": Entry("schema", "JSON Schemas of the documents that --json prints.", "Set up"),
    "mcp": Entry("mcp", "Serve the commands as tools for coding agents.", "Set up"),
    "demo": Entry("demo", "Play the first campaign, red to resolved, in its own repository.", "Set up"),
    "run": Entry("run", "Phase A: run the suite in chunks and cluster what failed.", "Run"),
    "import": Entry("importing", "Read JUnit XML, JSON reports, logs as if they were a run.", "Run"),
    "collect": Entry("importing", "Join the shards of one run.", "Run"),
    "results": Entry("results", "Every planned test with its one outcome.", "Look"),
    "clusters": Entry("clusters", "Clusters with members and the evidence for each join.", "Look"),
    "explain": Entry("clusters", "Why these failures are together; why this one is (not) in it.", "Look"),
    "show": Entry("show", "All that is known of one cluster or one test.", "Look"),
    "status": Entry("status", "Where the campaign stands.", "Look"),
    "next": Entry("status", "What to do next, computed from the state.", "Look"),
    "history": Entry("results", "How one test fared over the runs.", "Look"),
    "flaky": Entry("flaky", "Tests by failure rate, with intervals and flips.", "Look"),
    "diff": Entry("results", "What changed between two runs.", "Look"),
    "report": Entry("report", "HTML, GitHub, GitLab, SARIF, CTRF, JUnit.", "Look"),
    "probe": Entry("probe", "Phase B: find the root cause by controlled experiment.", "Remedy"),
    "hunt": Entry("hunt", "Look for latent flaky tests, and prove each.", "Remedy"),
    "design": Entry("repair", "Phase C: compare repairs by running them.", "Remedy"),
    "verify": Entry("repair", "Phase D: run the exit criteria; resolve what meets them.", "Remedy"),
    "check": Entry("report", "Recompute every number that a document states.", "Remedy"),
    "prune": Entry("prune", "Remove evidence that nothing cites any more.", "Remedy"),
    "merge": Entry("decide", "Decide that clusters have one cause.", "Decide"),
    "split": Entry("decide", "Decide that some members have another cause.", "Decide"),
    "assign": Entry("decide", "Say who takes care of a cluster.", "Decide"),
    "rename": Entry("decide", "Give a cluster a better title.", "Decide"),
    "quarantine": Entry("quarantine", "Let a cluster or a test fail without exit 1 until a day.", "Decide"),
    "help": Entry("help", "Explain an error by its slug.", "Help"),
}


class LazyGroup(click.Group):
    """Loads the module of a command when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(TABLE)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt name is answered with those that may have been meant."""
        name = args[0]
        if name not in TABLE and not name.startswith("-"):
            from triage.text.suggest import did_you_mean

            meant = did_you_mean(name, TABLE, otherwise="")
            ctx.fail(f"no such command {name!r}{f'; {meant}' if meant else '.'}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands and options, without importing a command."""
        from click.shell_completion import CompletionItem

        names = [name for name in TABLE if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=TABLE[name].summary) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None where there is no such name."""
        if cmd_name not in TABLE:
            return None
        module = import_module(f"triage.cli.{TABLE[cmd_name].module}")
        if not gc.isenabled():
            # `main` imports without it; modules stay to the end, so that the collector never looks at them
            gc.freeze()
            gc.enable()
        command: click.Command = getattr(module, f"{cmd_name}_command")
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
@click.version_option(None, "-V", "--version", package_name="triage-lab", prog_name="triage")
@click.option("--root", type=click.Path(), default=None, help="The suite's root.", metavar="DIR")
@click.option("--output", type=click.Path(), default=None, help="Where it writes.", metavar="DIR")
@click.pass_context
def group(ctx: click.Context, root: str | None, output: str | None) -> None:
    """Turn a red pytest suite into root causes, each proven by experiment, and track them to green."""
    ctx.obj = {"root": root, "output": output, **(ctx.obj or {})}


def run(argv: Sequence[str]) -> int:
    """Run one command; every outcome is an exit code of the design, every error one line.

    With --json an error is a document on standard output too.
    """
    with interrupted_by_signals():
        try:
            return _command(argv)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return ExitCode.USAGE
        except Exception as error:
            problem = _problem(error)
        except KeyboardInterrupt:
            problem = _INTERRUPTED
    _complain(f"{problem.said} [{problem.slug}]")
    if _wants_json(argv):
        _print_error(problem)
    return problem.exit_code


class _Problem(NamedTuple):
    """Why a command gave no answer, in the parts that a person and a program want."""

    slug: str
    what: str
    next_step: str
    exit_code: ExitCode
    said: str
    """As the line on standard error has it."""


_INTERRUPTED = _Problem(
    "interrupted",
    "interrupted; what was recorded is kept",
    "give the command again, or 'triage next'",
    ExitCode.INTERRUPTED,
    "interrupted; what was recorded is kept",
)


def _problem(error: Exception) -> _Problem:
    """A refusal of the machine is one line; what nobody foresaw is a bug, with its traceback."""
    if isinstance(error, click.Abort):
        return _INTERRUPTED
    if isinstance(error, click.ClickException):
        return _usage_problem(error)
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        from pathlib import Path

        from triage.evidence.atomic import disk_error

        error = disk_error(error, Path(error.filename or "the output"))
    if isinstance(error, TriageError):
        said = f"{error.what}; {error.next_step}"
        return _Problem(error.slug, error.what, error.next_step, error.exit_code, said)
    import traceback

    traceback.print_exception(error)
    what, next_step = "this is a bug in triage", "report it with the lines above"
    return _Problem("bug", what, next_step, ExitCode.BUG, f"{what}; {next_step}")


def _usage_problem(error: click.ClickException) -> _Problem:
    what = error.format_message()
    if not isinstance(error, click.UsageError):
        return _Problem("usage", what, "see 'triage --help'", ExitCode.USAGE, what)
    command = f"{error.ctx.command_path} --help" if error.ctx else "triage --help"
    return _Problem("usage", what, f"see '{command}'", ExitCode.USAGE, f"{what} See '{command}'.")


def _wants_json(argv: Sequence[str]) -> bool:
    """Whether the command was asked for a document; what stands behind `--` is pytest's."""
    words = list(argv)
    own = words[: words.index("--")] if "--" in words else words
    return "--json" in own


def _print_error(problem: _Problem) -> None:
    """The document of `ErrorDocument`; written without pydantic, which takes longer than the rest."""
    import json

    from triage.cli.terminal import one_line

    error = {"slug": problem.slug, "message": one_line(problem.what), "next": one_line(problem.next_step)}
    document = {"schema_version": SCHEMA_VERSION, "error": error, "exit_code": int(problem.exit_code)}
    click.echo(json.dumps(document, ensure_ascii=True, indent=2))


def _command(argv: Sequence[str]) -> int:
    words = list(argv)
    # click drops the dashes: what stood behind them is handed over beside the words
    behind = words[words.index("--") + 1 :] if "--" in words else []
    code = group.main(args=words, prog_name="triage", standalone_mode=False, obj={"behind": behind})
    return int(code) if isinstance(code, int) else ExitCode.OK


def _complain(text: str) -> None:
    from triage.cli.terminal import one_line

    click.echo(f"triage: {one_line(text)}", err=True)
