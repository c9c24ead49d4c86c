"""Give every command its root, its settings, the world, and the two streams that it may write to.

Standard output carries the answer (one JSON document with `--json`); everything else goes to
standard error.
"""

from __future__ import annotations

import getpass
import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.command_clock import command_began
from triage.cli.progress import progress_for
from triage.cli.screen import Screen, Span, file_link
from triage.cli.terminal import one_line, safe
from triage.errors import UsageError
from triage.model.base import FixedClock, Silent, World

if TYPE_CHECKING:
    from triage.cli.json_documents.base import Document
    from triage.cluster.registry import ClusterRegistry
    from triage.config import Loaded, Settings
    from triage.evidence.journal import Journal
    from triage.model.base import Progress


Receive = Callable[["type[Document]", dict[str, Any]], None]
"""Takes a document instead of standard output: its class, and its data as --json would print it."""
OUTPUT_HELP = "Where reports/, plans/ and .triage/ lie; default: the root."


def real_world() -> World:
    """The machine's clock and this process's environment.

    `TRIAGE_NOW` (ISO 8601) fixes the clock, so that a result can be produced again.
    """
    environ = dict(os.environ)
    fixed = environ.get("TRIAGE_NOW")
    return World(
        now=_clock(fixed),
        monotonic=time.monotonic,
        environ=environ,
        actor=_actor(environ),
        began=command_began(),
    )


def redactor(world: World, settings: Settings) -> Callable[[str], str]:
    """A function that removes the secrets of this environment and everything that looks like one."""
    from triage.text.redact import Redactor

    try:
        return Redactor.of(redacting(world, settings).environ, settings.env)
    except re.error as error:  # the settings' own patterns were tried when they were read
        what = f"a plugin's pattern for redaction is no regular expression: {error}"
        raise UsageError("bad-plugin", what, "mend or uninstall the plugin that offers it") from error


def redacting(world: World, settings: Settings) -> World:
    """The world with every pattern of settings and plugins named in its environment."""
    from triage.cli.builtin_plugins import plugins
    from triage.plugins import offers
    from triage.text.redact import PATTERNS

    offered = [rule.pattern for rule in offers(plugins(), "triage_redactions")]
    patterns = shlex.join((*settings.redact, *offered))
    if not patterns:
        return world
    return replace(world, environ={**world.environ, PATTERNS: patterns})


def _clock(fixed: str | None) -> Callable[[], datetime]:
    if fixed is None:
        return partial(datetime.now, UTC)
    try:
        moment = datetime.fromisoformat(fixed)
    except ValueError as error:
        raise UsageError("bad-setting", f"TRIAGE_NOW: {error}", "write it as 2026-01-31T12:00:00Z") from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return FixedClock(aware)


def _actor(environ: dict[str, str]) -> str:
    if environ.get("TRIAGE_ACTOR"):
        return environ["TRIAGE_ACTOR"]
    if environ.get("CI"):
        return "ci"
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class App:
    """One call of the command line."""

    def __init__(
        self,
        root: str | None,
        as_json: bool = False,
        flags: dict[str, Any] | None = None,
        *,
        output: str | None = None,
        receive: Receive | None = None,
        verbosity: int = 0,
    ) -> None:
        """`verbosity`: -1 for `--quiet`, 1 for `--verbose`."""
        self._root = root
        self._receive = receive
        # a flag is relative to where the user stands, a setting to the root
        self._output = str(Path(output).absolute()) if output else None
        self.as_json = as_json
        self.verbosity = verbosity
        self.flags = flags or {}

    @cached_property
    def root(self) -> Path:
        """Absolute path of the suite's root."""
        from triage.config import find_root

        try:
            folder = find_root(Path.cwd()) if self._root is None else Path(self._root).resolve()
        except OSError as error:
            what = f"the suite's folder cannot be found: {error.strerror}"
            raise UsageError("no-root", what, "go to a folder that exists, or name one by --root") from error
        if not folder.is_dir():
            raise UsageError("no-root", f"--root {self._root}: no such folder", "name the suite's folder")
        if not _is_utf8(folder):
            # documents name their evidence, and JSON has no way to spell such a name
            raise UsageError("bad-root", f"the name of {folder} is no UTF-8", "rename the folder")
        return folder

    @cached_property
    def loaded(self) -> Loaded:
        """Settings with their origins."""
        from triage.config import load

        loaded = load(self.root, self.world.environ, {**self.flags, "output": self._output})
        for name in loaded.ignored:
            click.echo(safe(f"ignored: {name}"), err=True)
        return loaded

    @cached_property
    def output(self) -> Path:
        """The folder that reports/, plans/ and .triage/ lie beneath; no link or setting leads out of it."""
        from triage.evidence.places import output_folder, store_file

        output = output_folder(self.root, self.settings.output)
        if "://" not in self.settings.store:
            store_file(output, self.settings.store)
        return output

    def shown(self, path: Path) -> str:
        """A path of the evidence as people read it: relative to the root where it lies there."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    @cached_property
    def world(self) -> World:
        """Clock, environment and actor of this process."""
        return real_world()

    @cached_property
    def journal(self) -> Journal:
        """The record of decisions."""
        from triage.evidence.journal import JOURNAL, Journal
        from triage.evidence.places import carry_journal

        carry_journal(self.root, self.output)
        return Journal(self.output / JOURNAL)

    def behind_dashes(self) -> tuple[str, ...]:
        """What stood behind `--` on the command line."""
        words: list[str] = (click.get_current_context().find_root().obj or {}).get("behind", [])
        return tuple(words)

    def registry(self) -> ClusterRegistry:
        """What the journal says now; what two branches did apart is mended in it."""
        from triage.campaign.journal_snapshot import present_registry

        return present_registry(self.output, self.journal)

    @cached_property
    def redact(self) -> Callable[[str], str]:
        """Removes secrets; applied before anything reaches a file or a terminal."""
        return redactor(self.world, self.settings)

    def progress(self) -> Progress:
        """A bar where a person watches, lines elsewhere; nothing with --quiet, and nothing for a program."""
        if self.is_quiet or self._receive is not None:
            return Silent()
        is_watched = sys.stderr.isatty() and not self.world.environ.get("CI")
        return progress_for(is_watched, self.world.monotonic)

    @property
    def is_quiet(self) -> bool:
        """Whether only the essential lines are wanted."""
        return self.verbosity < 0

    @property
    def is_verbose(self) -> bool:
        """Whether every detail is wanted."""
        return self.verbosity > 0

    @cached_property
    def screen(self) -> Screen:
        """Standard output: how wide it is, and whether it takes colours."""
        return Screen.of_stdout(self.world.environ)

    def say(self, text: str = "") -> None:
        """A line of the answer; silent with --json."""
        if not self.as_json:
            click.echo(safe(self.redact(text)))

    def line(self, *spans: Span) -> None:
        """A line of the answer with styles and links; silent with --json."""
        if not self.as_json:
            self.screen.write([replace(span, text=safe(self.redact(span.text))) for span in spans])

    def clean(self, text: str) -> str:
        """Text of a test on one line without secrets: to be done before it is cut or wrapped."""
        return one_line(self.redact(" ".join(text.split())))

    def file_span(self, path: Path, text: str, line: int | None = None, style: str = "") -> Span:
        """A path as it is shown, linked to the file."""
        return Span(text, style, file_link(path.absolute(), line))

    def note(self, text: str) -> None:
        """A line beside the answer, on standard error; nobody reads it where a program takes the document."""
        if self._receive is not None:
            return
        click.echo(safe(self.redact(text)), err=True)

    def emit(self, document: Document, fields: Sequence[str] = ()) -> None:
        """The one document of --json; silent without. With `fields` its rows have these alone."""
        _check_fields(document, fields)
        if not self.as_json:
            return
        from triage.text.redact_data import redacted_data

        # the version stands first, where a reader sees it
        data = {"schema_version": document.schema_version, **plain(document)}
        shown = redacted_data(_cut_down(document, data, fields), self.redact)
        if self._receive is not None:
            self._receive(type(document), shown)
            return
        click.echo(json.dumps(shown, ensure_ascii=True, indent=2, allow_nan=False))

    def relative(self, path: Path) -> str:
        """A path as people read it: relative to where they stand, if it lies there."""
        try:
            return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
        except ValueError:
            return str(path)


def _check_fields(document: Document, fields: Sequence[str]) -> None:
    """Raises `UsageError` for a field that the rows of the document do not have."""
    known = document.row_fields()
    for field in fields:
        if field not in known:
            what = f"--fields {field!r} is no field of {document.rows}"
            raise UsageError("bad-field", what, f"choose from {', '.join(known)}")


def _cut_down(document: Document, data: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The document with only the named fields of each row."""
    name = document.rows
    if name is None or not fields:
        return data
    rows = [{field: row[field] for field in fields} for row in data[name]]
    return {**data, name: rows}


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> Any:
    """Values, tuples, enums and paths as what JSON knows; NaN and infinities as strings."""
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value


def app_command(
    *, json_output: bool = True, verbosity: bool = False, **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A click command whose function gets `app: App` first; adds --root and, where it reports, --json.

    With `verbosity` it takes -q and -v.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def call(
            root: str | None,
            output: str | None,
            as_json: bool = False,
            quiet: bool = False,
            verbose: bool = False,
            **options: Any,
        ) -> Any:
            inherited = click.get_current_context().obj or {}
            chosen_root = root if root is not None else inherited.get("root")
            chosen_output = output if output is not None else inherited.get("output")
            chosen_verbosity = int(verbose) - int(quiet)
            receive = inherited.get("receive")
            app = App(
                chosen_root,
                as_json or receive is not None,
                output=chosen_output,
                receive=receive,
                verbosity=chosen_verbosity,
            )
            return function(app, **options)

        names = {"help_option_names": ["-h", "--help"]}
        make: Callable[[Callable[..., Any]], click.Command] = click.command(
            cls=click.Command, context_settings=names, **settings
        )
        command = make(call)
        root_option = click.Option(
            ["--root"], type=click.Path(), metavar="DIR", help="The suite's root.", default=None
        )
        output_option = click.Option(
            ["--output"], type=click.Path(), metavar="DIR", help=OUTPUT_HELP, default=None
        )
        json_option = click.Option(["--json", "as_json"], is_flag=True, help="One JSON document.")
        command.params += [root_option, output_option]
        if json_output:
            command.params.append(json_option)
        if verbosity:
            command.params += [
                click.Option(["-q", "--quiet"], is_flag=True, help="The result alone; no progress."),
                click.Option(["-v", "--verbose"], is_flag=True, help="Every detail."),
            ]
        return command

    return decorate


def examples(*lines: str) -> str:
    """An epilog that click leaves as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def paged(default: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command that lists --limit, --cursor and --fields; it gets them as `page: PageRequest`."""
    from triage.cli.json_documents.base import PageRequest

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--limit",
            type=click.IntRange(1),
            default=default,
            show_default=default is not None,
            metavar="N",
            help="At most so many rows.",
        )
        @click.option(
            "--cursor",
            metavar="CURSOR",
            help="Continue after a page: the `next_cursor` that its JSON gave.",
        )
        @click.option("--fields", metavar="NAME,...", help="With --json: only these fields of each row.")
        @wraps(function)
        def call(
            *args: Any, limit: int | None, cursor: str | None, fields: str | None, **options: Any
        ) -> Any:
            names = tuple(name.strip() for name in (fields or "").split(",") if name.strip())
            page = PageRequest(limit=limit, cursor=cursor, fields=names)
            return function(*args, page=page, **options)

        return call

    return decorate
