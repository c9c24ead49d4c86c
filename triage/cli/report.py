"""`triage report`: one run in many formats; `triage check`: are the claims of documents still true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.completion import complete_stamp
from triage.cli.context import App, app_command, examples
from triage.cli.lookup import recorded
from triage.errors import ExitCode, UsageError
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.campaign.report import PageWriting, Report
    from triage.evidence.folder import EvidenceFolder
    from triage.formats.registry import ReportFormat


_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_STDOUT = "-"
_WITH_OPTION = ("sarif", "ctrf", "junit", "otlp", "markdown", "badge")
"""Formats that have an option of their own beside `--format`."""


@app_command(
    json_output=False,
    epilog=examples(
        "triage report",
        "triage report 20261123T061000Z --html report.html --junit junit.xml",
        "triage report --github                       # in a workflow: annotations and the step summary",
        "triage report --gitlab > gl-code-quality.json",
        "triage report --site public                  # for GitHub's or GitLab's Pages",
        "triage report --markdown comment.md --badge triage.svg",
        "triage report --format sarif=run.sarif --format ctrf=-",
    ),
)
@click.argument("stamp", required=False, shell_complete=complete_stamp)
@click.option("--html", type=_FILE, metavar="FILE", help="A self-contained page.")
@click.option("--github", is_flag=True, help="Annotations; the summary goes to $GITHUB_STEP_SUMMARY.")
@click.option("--gitlab", is_flag=True, help="Code quality, on standard output.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="SARIF 2.1.0.")
@click.option("--ctrf", type=_FILE, metavar="FILE", help="Common Test Report Format.")
@click.option("--junit", type=_FILE, metavar="FILE", help="JUnit XML.")
@click.option("--otlp", type=_FILE, metavar="FILE", help="Spans of OpenTelemetry (OTLP as JSON).")
@click.option("--markdown", type=_FILE, metavar="FILE", help="A comment for a pull request.")
@click.option("--badge", type=_FILE, metavar="FILE", help="A badge (SVG) with the verdict.")
@click.option("--site", type=_FOLDER, metavar="DIR", help="All runs as a static site.")
@click.option(
    "formats",
    "--format",
    multiple=True,
    metavar="NAME=FILE",
    help="Any format, one of a plugin too; the file `-` is standard output.",
)
def report_command(app: App, stamp: str | None, **wanted: Any) -> ExitCode:
    """Write one run (default: the latest) in the named formats; with none, print its summary.

    A run that is void, was cut short or goes on is shown as that in every format; the exit code stays 0.
    A document that was deleted is rendered again. A STAMP of another phase prints that phase's document.
    """
    from triage.campaign.report import Report
    from triage.documents.render import project_templates

    templates = project_templates(app.root, app.settings.templates)
    other = _other_phase(app, stamp)
    if other is not None:
        _document(app, other, templates, wanted)
        return ExitCode.OK
    site = wanted.pop("site")
    if site:
        _site(app, site, templates)
        if stamp is None and not any(wanted.values()):
            return ExitCode.OK
    targets = _targets(wanted)
    report = Report(app.root, app.output, recorded(app, stamp), templates, app.world.environ)
    report.restore_summary()
    if report.recorded.heading is not None:
        app.note(f"{report.record.stamp}: {report.recorded.heading}")
    if wanted["html"]:
        report.write_html(wanted["html"], _page_writing(app))
        app.note(f"wrote {wanted['html']}")
    for report_format, file in targets:
        _write(app, report, report_format, file)
    if wanted["github"]:
        _github(app, report)
    if not any(wanted.values()):
        app.say(report.markdown())
    return ExitCode.OK


def _site(app: App, folder: Path, templates: Mapping[str, str]) -> None:
    """Write the site and say what was done."""
    from triage.campaign.site.build import SiteBuilder

    builder = SiteBuilder(app.root, app.output, templates, app.world.environ, _page_writing(app))
    built = builder.build(folder)
    removed = f", {built.removed} removed" if built.removed else ""
    pages = counted_noun(built.written, "page")
    app.note(f"wrote {built.index}: {pages} written, {built.kept} kept{removed}")


def _page_writing(app: App) -> PageWriting:
    """What an HTML report takes from this machine."""
    from triage.campaign.html_report.surroundings import settings_of
    from triage.campaign.report import PageWriting
    from triage.cli.builtin_plugins import plugins
    from triage.plugins import offers

    redact = app.redact
    return PageWriting(
        made_at=app.world.timestamp(),
        redact=redact,
        settings=settings_of(app.loaded, redact),
        sections=offers(plugins(), "triage_report_sections"),
    )


def _targets(wanted: Mapping[str, Any]) -> list[tuple[ReportFormat, str]]:
    """Each format with its file, before anything is written. Raises `UsageError` for an unknown name."""
    from triage.cli import wiring
    from triage.config import pair

    named = [(name, str(wanted[name])) for name in _WITH_OPTION if wanted[name]]
    if wanted["gitlab"]:
        named.append(("gitlab", _STDOUT))
    named += [pair(text) for text in wanted["formats"]]
    known = wiring.report_formats()
    for name, file in named:
        if name not in known:
            raise UsageError("bad-format", f"no report format {name!r}", f"choose from {', '.join(known)}")
        if not file:
            raise UsageError("bad-format", f"report format {name} has no file", f"write {name}=FILE")
    return [(known[name], file) for name, file in named]


def _write(app: App, report: Report, report_format: ReportFormat, file: str) -> None:
    """Raises `UsageError` that names the format where a plugin's renderer raises."""
    from triage.campaign.report import write_report
    from triage.formats.registry import REPORT_FORMATS

    try:
        text = report_format.render(report.run)
    except Exception as error:
        if report_format in REPORT_FORMATS:
            raise
        what = f"report format {report_format.name}: {error!r}"
        raise UsageError("bad-plugin", what, "mend or uninstall the plugin that offers it") from error
    if file == _STDOUT:
        click.echo(text, nl=False)
        return
    write_report(Path(file), text)
    app.note(f"wrote {file}")


def _other_phase(app: App, stamp: str | None) -> EvidenceFolder | None:
    """The folder of a STAMP that names no run of phase A but another phase's work."""
    from triage.evidence.folder import EvidenceFolder

    if stamp is None or any(folder.stamp == stamp for folder in EvidenceFolder.all(app.output, phase="a")):
        return None
    return EvidenceFolder.find(app.output, stamp)


def _document(
    app: App, folder: EvidenceFolder, templates: Mapping[str, str], wanted: Mapping[str, Any]
) -> None:
    from triage.documents.render import restore

    if any(wanted.values()):
        raise UsageError(
            "no-runs",
            f"{folder.stamp} is of phase {folder.phase}, and these formats are for runs",
            "name a run's STAMP",
        )
    restore(app.output, folder.path, templates)
    for path in sorted(folder.path.glob("*.md")):
        app.say(path.read_text(encoding="utf-8"))


def _github(app: App, report: Report) -> None:
    """Commands on standard output; the summary where the runner wants it, else behind them."""
    from triage.evidence.atomic import append_lines
    from triage.formats.github import step_summary, with_source_links

    for line in report.annotations():
        click.echo(line)
    summary = step_summary(with_source_links(report.markdown(), report.run.source.line_url))
    target = app.world.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        append_lines(Path(target), summary.split("\n"))
    else:
        app.say(summary)


@app_command(
    epilog=examples(
        "triage check",
        "triage check --all                            # reads what is unchanged since the last check, too",
        "triage check plans/fix_plan.md",
        "triage check reports/gradient-flow/phase_c/20261123T061000Z --json",
    )
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--all", "read_all", is_flag=True, help="Read all evidence: nothing is taken for unchanged.")
def check_command(app: App, paths: tuple[Path, ...], read_all: bool) -> ExitCode:
    """Recompute every claim, sum, manifest and id from the evidence (default: the whole project).

    Sealed folders whose files are as an earlier check left them are not read again; --all reads everything.
    Exit code 1 where anything does not hold; each problem is one line with file and line.
    """
    from triage.campaign.check.checked_before import CheckedBefore
    from triage.campaign.check.project import check_paths, check_project
    from triage.campaign.report import own_version
    from triage.cli.json_documents.project import CheckCounts, CheckDocument, CheckProblem
    from triage.documents.render import project_templates

    templates = project_templates(app.root, app.settings.templates)
    if paths:
        checked = check_paths(app.output, paths, templates)
    else:
        before = CheckedBefore(app.output, templates, own_version(), forget=read_all)
        checked = check_project(app.output, templates, before)
    counts = {name: getattr(checked, name) for name in ("folders", "files", "documents", "claims", "regions")}
    document = CheckDocument(
        ok=not checked.problems,
        checked=CheckCounts(**counts),
        problems=tuple(CheckProblem(**problem.model_dump()) for problem in checked.problems),
        notes=tuple(checked.notes),
    )
    app.emit(document)
    for problem in checked.problems:
        place = f"{problem.path}:{problem.line}" if problem.line else problem.path
        app.say(f"{place}: {problem.what}")
    for note in checked.notes:
        app.note(f"note: {note}")
    seen = ", ".join(counted_noun(number, name.removesuffix("s")) for name, number in counts.items())
    if checked.unchanged:
        app.note(
            f"{counted_noun(checked.unchanged, 'folder')} unchanged since an earlier check: --all reads all"
        )
    problems = counted_noun(len(checked.problems), "problem")
    app.say(f"{'does not hold' if checked.problems else 'holds'}: {problems} in {seen}")
    return ExitCode.FAILURES if checked.problems else ExitCode.OK
