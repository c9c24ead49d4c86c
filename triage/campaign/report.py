"""One run in every format that CI systems and people read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from triage.campaign.explanation import known_cause
from triage.campaign.html_report.collect import collect
from triage.campaign.html_report.document import (
    PageDocument,
    PluginSection,
    SettingEntry,
    Surroundings,
)
from triage.campaign.html_report.page import page_data, whole_page
from triage.campaign.html_report.run_facts import preflight_of
from triage.campaign.html_report.surroundings import excerpts, owners_by_file
from triage.campaign.journal_snapshot import present_registry
from triage.campaign.recorded import RecordedRun, Stage
from triage.campaign.source_links import Forge, build_address, forge_of
from triage.documents.claims import sidecar_of
from triage.documents.ledgers import JOURNAL
from triage.documents.render import source_of
from triage.documents.run_summary import summarize, summary_of
from triage.documents.template_engine import Source, extended, render
from triage.errors import CheckError, UsageError
from triage.evidence.atomic import plain, write_json, write_text
from triage.evidence.folder import EvidenceFolder, document_bytes
from triage.evidence.journal import Journal
from triage.evidence.manifest import read as read_manifest
from triage.evidence.places import seen_from_suite
from triage.formats.github import workflow_commands
from triage.formats.reported_run import ReportedCause, ReportedRun, RetriedAttempt, RunSource
from triage.model.claim import Artifact
from triage.model.reruns import FOLDER as RERUNS_FOLDER
from triage.model.reruns import RerunDocument
from triage.model.run import RunRecord
from triage.process.git import Repository
from triage.text.markup import prose

HTML_TEMPLATE = "report.html.j2"
RERUNS = f"{RERUNS_FOLDER}/reruns.json"


class Section(Protocol):
    """A plugin's part of the HTML report."""

    name: str

    def render(self, document: Mapping[str, Any]) -> str:
        """Plain text for a run's summary."""


@dataclass(frozen=True)
class PageWriting:
    """What the HTML report takes from outside of the evidence."""

    made_at: str
    """UTC, as journal lines have it; the journal is read as of this moment."""
    redact: Callable[[str], str]
    settings: tuple[SettingEntry, ...] = ()
    sections: Iterable[Section] = ()
    home: str | None = None
    """Where a page of a site leads back to, relative to it."""


@dataclass(frozen=True)
class Report:
    """A recorded run, ready for every format."""

    root: Path
    """The suite's."""
    output: Path
    """What the evidence lies beneath."""
    recorded: RecordedRun
    templates: Mapping[str, str]
    environ: Mapping[str, str] = field(default_factory=dict)
    """Where a CI system says which repository, branch and job it is."""

    @property
    def folder(self) -> EvidenceFolder:
        """Where the run's evidence lies."""
        return self.recorded.folder

    @property
    def record(self) -> RunRecord:
        """The run's results."""
        return self.recorded.record

    @property
    def is_concluded(self) -> bool:
        """Whether the run has documents; of one that was cut short, or goes on, nothing is written down."""
        return self.recorded.stage is Stage.CONCLUDED

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run's figures, from what it recorded."""
        if self.is_concluded:
            return summary_of(self.folder.path, self.record)
        return summarize(self.record, clusters=(), failures=())

    @cached_property
    def prefix(self) -> str:
        """From the top of the repository to the suite's root; empty where they are the same."""
        repository = Repository.find(self.root)
        inside = repository is not None and self.root.resolve() != repository.top
        return self.root.resolve().relative_to(repository.top).as_posix() if repository and inside else ""

    @cached_property
    def run(self) -> ReportedRun:
        """What the report formats render."""
        return ReportedRun(
            self.record,
            self.summary,
            self.prefix,
            own_version(),
            causes=self.causes,
            source=self._run_source(),
            attempts=self._attempts(),
        )

    @cached_property
    def causes(self) -> dict[str, ReportedCause]:
        """What experiments found for the clusters of the run."""
        registry = present_registry(self.output, Journal(self.output / JOURNAL))
        found = {}
        for cluster in self.summary["clusters"]:
            known = cluster["id"] in registry.clusters
            cause = known_cause(self.output, registry, cluster["id"]) if known else None
            if cause is not None:
                found[cluster["id"]] = ReportedCause(
                    verdict=cause.verdict, kind=cause.kind, summary=cause.summary, culprits=cause.culprits
                )
        return found

    def _run_source(self) -> RunSource:
        """Where the code of the run can be seen."""
        forge = self.forge
        commit = self.record.commit
        machine = preflight_of(self.folder.path).get("machine") or {}
        return RunSource(
            repository=forge.address if forge else None,
            line_url=forge.source_url(commit, self.prefix) if forge and commit else None,
            branch=self.environ.get("GITHUB_HEAD_REF") or self.environ.get("CI_COMMIT_REF_NAME") or None,
            build=build_address(self.environ),
            system=machine.get("system"),
        )

    @cached_property
    def forge(self) -> Forge | None:
        """Where the repository is on the web."""
        repository = Repository.find(self.root)
        return forge_of(repository.remote() if repository is not None else None, self.environ)

    def _attempts(self) -> dict[str, list[RetriedAttempt]]:
        """How the red tests fared that were run again; none where nobody recorded it."""
        try:
            document = RerunDocument.model_validate_json((self.folder.path / RERUNS).read_bytes())
        except (OSError, ValueError):
            return {}
        return {
            test.nodeid: [RetriedAttempt(outcome=run.outcome, seconds=run.seconds) for run in test.runs]
            for test in document.tests
            if test.runs
        }

    def annotations(self) -> list[str]:
        """Workflow commands of GitHub Actions."""
        return workflow_commands(self.summary, self.prefix, self.causes)

    def markdown(self) -> str:
        """The summary document, and behind it what probes have found since the run."""
        summary = render(
            "summary.md.j2",
            {"run": self._summary_source()},
            self.templates,
            document=self._name("summary.md"),
            output=seen_from_suite(self.root, self.output),
        ).text
        found = self._causes_found_since()
        if not found:
            return summary
        return summary.rstrip("\n") + "\n\n## Causes found since\n\n" + "\n".join(found) + "\n"

    def _causes_found_since(self) -> list[str]:
        """A line for each cluster whose cause the summary lacks: that is sealed with the run."""
        lines = []
        for cluster in self.summary["clusters"]:
            cause = self.causes.get(cluster["id"])
            if cause is not None and not cluster.get("cause"):
                said = prose(f"{cause.verdict}: {cause.kind}: {cause.summary}")
                lines.append(f"- {cluster['id']}: {said}")
        return lines

    def write_html(self, path: Path, writing: PageWriting) -> None:
        """The self-contained page; beneath the project its claims lie beside it, so it can be checked."""
        inside = path.absolute().is_relative_to(self.output)
        name = path.absolute().relative_to(self.output).as_posix() if inside else path.name
        sources = {"run": self._summary_source(), "failed": self._failures_source()}
        rendered = render(HTML_TEMPLATE, sources, self.templates, document=name)
        document, element = self._page_data(writing)
        whole = extended(rendered, whole_page(rendered.text, document, element))
        write_report(path, whole.text)
        if inside and self.is_concluded:
            write_json(sidecar_of(path), whole.sidecar)

    def _page_data(self, writing: PageWriting) -> tuple[PageDocument, str]:
        """What the page's script shows, and the element that holds it."""
        evidence = collect(self.output, self.recorded, self.summary, as_of=writing.made_at)
        forge = self.forge
        commit = self.record.commit
        surroundings = Surroundings(
            source_url=forge.source_url(commit, self.prefix) if forge and commit else None,
            commit_url=forge.commit_url() if forge else None,
            excerpts=excerpts(self.root, commit, evidence, writing.redact),
            owners=owners_by_file(self.root, evidence),
            settings=writing.settings,
            sections=tuple(_section(section, self.summary) for section in writing.sections),
            home=writing.home,
        )
        return page_data(evidence, surroundings, version=own_version(), made_at=writing.made_at)

    def restore_summary(self) -> str:
        """Put `summary.md` and its claims back where somebody deleted them; says what was done.

        Raises `CheckError` where the sealed run had another text: then its templates were others.
        """
        if not self.is_concluded:
            return "not concluded"
        path = self.folder.path / "summary.md"
        if path.exists() and sidecar_of(path).exists():
            return "kept"
        rendered = render(
            "summary.md.j2",
            {"run": self._summary_source()},
            self.templates,
            document=self._name("summary.md"),
            output=seen_from_suite(self.root, self.output),
        )
        if self.folder.sealed:
            sealed = read_manifest(self.folder.path).files.get("summary.md")
            if sealed is not None and sealed.sha256 != rendered.sidecar.sha256:
                raise CheckError(
                    "other-templates",
                    f"{self._name('summary.md')} was made with other templates than these",
                    "restore it from git, or with the templates of its run",
                )
        write_text(path, rendered.text)
        write_json(sidecar_of(path), rendered.sidecar)
        return "rendered again"

    def _summary_source(self) -> Source:
        if self.is_concluded:
            return source_of(self.output, self.folder.path / "summary.json")
        return self._source_in_memory("summary.json", self.summary)

    def _failures_source(self) -> Source:
        if self.is_concluded:
            return source_of(self.output, self.folder.path / "failures.json")
        rows = [
            {**failure.model_dump(mode="json"), "exception": failure.exception, "message": failure.message,
             "signature": None, "signatures": [], "cluster": None}
            for failure in self.record.failures
        ]  # fmt: skip
        return self._source_in_memory("failures.json", {"stamp": self.record.stamp, "failures": rows})

    def _source_in_memory(self, name: str, document: dict[str, Any]) -> Source:
        """What the file would hold once the run is concluded; no claim on it is written anywhere."""
        digest = hashlib.sha256(b"".join(document_bytes(name, document))).hexdigest()
        return Source(Artifact(path=self._name(name), sha256=digest), plain(document))

    def _name(self, name: str) -> str:
        return f"{self.folder.relative(self.output)}/{name}"


def write_report(path: Path, text: str) -> None:
    """Write one report where the user asked for it; a folder that is not there yet is made."""
    if path.is_dir():
        raise UsageError("bad-output", f"{path} is a folder", "name a file")
    write_text(path, text, follow_symlink=True)


def own_version() -> str:
    """The version of triage; `0` in a tree that is not installed."""
    try:
        return version("triage-lab")
    except PackageNotFoundError:
        return "0"


def _section(section: Section, summary: Mapping[str, Any]) -> PluginSection:
    """A plugin that raises is named, and the report is written."""
    try:
        text = str(section.render(summary))
    except Exception as error:
        text = f"this section could not be made: {error!r}"
    return PluginSection(name=section.name, text=text)
