"""Write a site: pages of runs that are not there yet or are out of date, and the index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from triage.campaign.html_report.collect import journal_as_of
from triage.campaign.html_report.history import MOST_RUNS
from triage.campaign.recorded import recorded_run
from triage.campaign.report import HTML_TEMPLATE, PageWriting, Report, own_version
from triage.campaign.site.overview import DATA, SiteOverview, overview, summary_at
from triage.cluster.registry import ClusterRegistry
from triage.documents.claims import sidecar_of
from triage.documents.html_app.bundle import script, style
from triage.documents.render import write_document
from triage.errors import UsageError
from triage.evidence.atomic import json_text, write_json, write_text
from triage.evidence.folder import EvidenceFolder
from triage.evidence.manifest import read as read_manifest

TEMPLATE = "site.html.j2"
INDEX = "index.html"
STATE = "pages.json"
"""Which inputs each page was made from: a page whose inputs are the same is kept."""


@dataclass(frozen=True)
class SiteBuild:
    """What a call did."""

    written: int
    kept: int
    removed: int
    index: Path


@dataclass(frozen=True)
class SiteBuilder:
    """A site of all runs beneath `output`."""

    root: Path
    output: Path
    templates: Mapping[str, str]
    environ: Mapping[str, str]
    writing: PageWriting

    def build(self, site: Path) -> SiteBuild:
        """Write the site into a folder beneath `output`, so that its claims name the evidence.

        Raises `UsageError` where the folder lies elsewhere or holds something else.
        """
        site = site.absolute()
        self._check_place(site)
        made_at = self.writing.made_at
        registry = journal_as_of(self.output, made_at)
        found = overview(self.output, version=own_version(), made_at=made_at)
        before = _read_state(site / STATE)
        state: dict[str, str] = {}
        written = 0
        for name, folder in self._pages(found).items():
            state[name] = self._inputs_of(folder, registry)
            if before.get(name) != state[name] or not (site / name).is_file():
                self._write_page(site / name, folder)
                written += 1
        removed = _remove(site, before.keys() - state.keys())
        self._write_index(site, found)
        write_json(site / STATE, state)
        return SiteBuild(written, len(state) - written, removed, site / INDEX)

    def _check_place(self, site: Path) -> None:
        if not site.resolve().is_relative_to(self.output.resolve()) or site == self.output:
            raise UsageError(
                "bad-site",
                f"{site} is no folder beneath {self.output}",
                "name one there, such as `public`: the pages' claims name the evidence from there",
            )
        if site.is_dir() and any(site.iterdir()) and not (site / DATA).is_file():
            raise UsageError("bad-site", f"{site} holds something else", "name an empty folder or a site")
        if site.exists() and not site.is_dir():
            raise UsageError("bad-site", f"{site} is a file", "name a folder")

    def _pages(self, found: SiteOverview) -> dict[str, EvidenceFolder]:
        """Page to run, newest first."""
        return {
            run.page: EvidenceFolder.find(self.output, run.stamp, campaign=campaign.name, phase="a")
            for campaign in found.campaigns
            for run in campaign.runs
            if run.page is not None
        }

    def _inputs_of(self, folder: EvidenceFolder, registry: ClusterRegistry) -> str:
        """A digest of what a page shows: its run, those before it, the journal on its clusters."""
        whole = hashlib.sha256()
        for each in self._runs_up_to(folder):
            whole.update(read_manifest(each.path).digest.encode())
        for cluster in (summary_at(folder) or {}).get("clusters", ()):
            is_known = cluster["id"] in registry.clusters
            events = registry.events_of(cluster["id"]) if is_known else ()
            whole.update(" ".join(event.id for event in events).encode())
        for text in (own_version(), script(), style(), self.templates[HTML_TEMPLATE]):
            whole.update(text.encode())
        return whole.hexdigest()

    def _runs_up_to(self, folder: EvidenceFolder) -> list[EvidenceFolder]:
        """The run and those before it that its page shows."""
        runs = [
            each
            for each in EvidenceFolder.all(self.output, campaign=folder.campaign, phase="a")
            if each.stamp <= folder.stamp and each.sealed
        ]
        return runs[-MOST_RUNS:]

    def _write_page(self, path: Path, folder: EvidenceFolder) -> None:
        run = recorded_run(folder, self.root)
        report = Report(self.root, self.output, run, self.templates, self.environ)
        report.write_html(path, replace(self.writing, home="../../index.html"))

    def _write_index(self, site: Path, found: SiteOverview) -> None:
        write_text(site / DATA, json_text(found.model_dump(mode="json")))
        write_text(site / ".nojekyll", "")  # GitHub's Pages would run a generator over the files
        write_document(self.output, site / INDEX, TEMPLATE, {"site": site / DATA}, self.templates)


def _read_state(path: Path) -> dict[str, str]:
    """None of it where the file is not there or damaged: then every page is written again."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def _remove(site: Path, names: set[str]) -> int:
    """Remove pages of runs that are gone, or too old by now; nothing that the site has not written."""
    removed = 0
    for name in sorted(names):
        path = site / name
        if path.resolve().is_relative_to((site / "runs").resolve()) and path.suffix == ".html":
            path.unlink(missing_ok=True)
            sidecar_of(path).unlink(missing_ok=True)
            removed += 1
    return removed
