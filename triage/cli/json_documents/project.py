"""Documents about a project: `init`, `config`, `doctor`, `status`, `next`, `check`, `schema`."""

from __future__ import annotations

from typing import Any, ClassVar

from triage.campaign.explanation import KnownCause
from triage.campaign.finding import Finding
from triage.campaign.next_steps import Step
from triage.campaign.retention_plan import KeptFolder, PrunedFolder
from triage.cli.json_documents.base import Document, ListDocument
from triage.cli.json_documents.runs import OutcomeCounts
from triage.model.base import Value
from triage.model.cluster import RunState
from triage.model.quarantine import Quarantine


class ProposalRow(Value):
    """A setting that suits the suite, and why; written where there was no [tool.triage]."""

    name: str
    value: Any
    reason: str


class FileRow(Value):
    """A file that was written whole: a pipeline, a page."""

    path: str
    text: str


class InitDocument(Document):
    """`triage init --json`: what was written, or would be."""

    root: str
    written: tuple[str, ...]
    """One line for each thing written, with the reason."""
    dry_run: bool
    """Whether nothing was written."""
    proposals: tuple[ProposalRow, ...]
    remarks: tuple[str, ...]
    """What somebody should know of the suite."""
    files: tuple[FileRow, ...]


class SettingRow(Value):
    """One setting."""

    name: str
    value: Any
    origin: str


class ConfigDocument(Document):
    """`triage config --json`: the settings in force."""

    root: str
    output: str
    """What reports/, plans/ and .triage/ lie beneath."""
    settings: tuple[SettingRow, ...]


class DoctorDocument(Document):
    """`triage doctor --json`."""

    root: str
    findings: tuple[Finding, ...]


class LatestRun(Value):
    """The newest run, whatever became of it."""

    stamp: str
    campaign: str
    stage: str
    """`running`, `cut short`, `concluded`."""
    complete: bool
    void: str | None
    counts: OutcomeCounts
    collect_errors: int


class ClusterInStatus(Value):
    """A cluster in few words."""

    id: str
    title: str
    status: str
    owner: str | None
    state_in_run: RunState | None
    members: int
    quarantine: Quarantine | None
    cause: KnownCause | None
    """What phase B found; null where it found nothing."""


class StatusDocument(ListDocument):
    """`triage status --json`: where the campaign stands."""

    rows: ClassVar[str | None] = "clusters"

    root: str
    latest: LatestRun | None
    clusters: tuple[ClusterInStatus, ...]
    by_status: dict[str, int]
    proposals: int
    quarantines: tuple[Quarantine, ...]
    next: Step | None


class NextDocument(Document):
    """`triage next --json`: what to do, most urgent first."""

    steps: tuple[Step, ...]
    more: int
    """Steps beyond `--limit`."""


class CheckCounts(Value):
    """What was recomputed."""

    folders: int
    files: int
    documents: int
    claims: int
    regions: int


class CheckProblem(Value):
    """One thing that does not hold."""

    path: str
    line: int
    """0 where the whole file is meant."""
    what: str


class CheckDocument(Document):
    """`triage check --json`."""

    ok: bool
    checked: CheckCounts
    problems: tuple[CheckProblem, ...]
    notes: tuple[str, ...]


class PruneDocument(Document):
    """`triage prune --json`."""

    dry_run: bool
    """Whether nothing was removed."""
    keep_days: int
    keep_runs: int
    pruned: tuple[PrunedFolder, ...]
    """What was removed, or would be."""
    bytes: int
    """Of all that is in `pruned`."""
    kept: tuple[KeptFolder, ...]


class SchemaRow(Value):
    """A document that has a schema."""

    name: str
    title: str


class SchemasDocument(Document):
    """`triage schema --json`: the names that `triage schema NAME` takes."""

    schemas: tuple[SchemaRow, ...]
