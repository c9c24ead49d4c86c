"""Documents about runs: `run`, `import`, `collect`, `results`, `history`, `flaky`, `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, Field

from triage.campaign.flaky_test import FlakyTest
from triage.cli.json_documents.base import Document, ListDocument
from triage.evidence.history.api import HistoryRow
from triage.evidence.history.flakiness import TestFlakiness
from triage.model.base import Value
from triage.model.base_commit import BaseRun, OnBase
from triage.model.cluster import Cluster
from triage.model.joint_search import JointReport
from triage.model.outcome import Outcome
from triage.model.quarantine import Quarantine
from triage.model.run import Counts, Reruns, RunRecord

if TYPE_CHECKING:
    from triage.campaign.baseline import Concluded


class OutcomeCounts(Value):
    """How many planned tests have each outcome; they add up to `collected`."""

    collected: int
    passed: int
    failed: int
    error: int
    skipped: int
    xfailed: int
    xpassed: int
    crashed: int
    timeout: int
    flaky: int
    not_run: int

    @classmethod
    def of(cls, counts: Counts) -> OutcomeCounts:
        """The counts without the collection errors, which documents count apart."""
        return cls(**counts.model_dump(exclude={"collect_errors"}))


class FailureInRun(Value):
    """One thing that went wrong in a test."""

    phase: str
    """collect, setup, call or teardown."""
    exception: str
    message: str
    signature: str | None
    cluster: str | None
    """Null where the run was not clustered."""


class ResultRow(Value):
    """A planned test with its one outcome; a collection error is a row too."""

    nodeid: str
    outcome: Outcome
    chunk: str | None
    attempt: int | None
    """Number of the chunk's process that gave the outcome."""
    duration: float | None
    """Seconds."""
    failures: tuple[FailureInRun, ...]
    signal: str | None
    exit_code: int | None
    note: str | None
    reruns: Reruns | None
    base: OnBase | None
    properties: tuple[tuple[str, str], ...] | None
    """What the test said of itself by pytest's `record_property`."""
    quarantine: Quarantine | None


class ResultsDocument(ListDocument):
    """`triage results --json`: every planned test of a run with its one outcome."""

    rows: ClassVar[str | None] = "results"

    stamp: str
    complete: bool
    void: str | None
    """Why the run can answer nothing."""
    counts: OutcomeCounts
    """Of the whole run, whatever page or outcomes are shown."""
    collect_errors: int
    hints: tuple[str, ...]
    results: tuple[ResultRow, ...]


class ConcludedDocument(Document):
    """What a run came to."""

    stamp: str
    folder: str
    complete: bool
    void: str | None
    """Why the run can answer nothing."""
    counts: OutcomeCounts
    collect_errors: int
    clusters: tuple[Cluster, ...]
    held_against: tuple[str, ...]
    """What the gate holds against the run, one line each."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of_run(cls, record: RunRecord, concluded: Concluded, folder: str, **own: Any) -> Self:
        """The document of a run that was concluded; `own` are the fields of this kind of document alone."""
        return cls(
            stamp=record.stamp,
            folder=folder,
            complete=record.complete,
            void=record.void,
            counts=counts_of(record),
            collect_errors=record.counts.collect_errors,
            clusters=concluded.clusters,
            held_against=concluded.held_against,
            warnings=concluded.warnings,
            notes=record.notes,
            **own,
        )


class RunDocument(ConcludedDocument):
    """`triage run --json`."""

    campaign: str
    base: BaseRun | None
    causes: JointReport | None
    """Of `--attribute`."""
    hints: tuple[str, ...]
    exit_code: int
    failed_of: str | None = None
    """The run whose red tests alone were executed, with `--failed` or `--last-failed`."""


class NothingFailedDocument(Document):
    """`triage run --failed STAMP --json` where nothing was red in that run: no run is made."""

    failed_of: str
    exit_code: int


class ImportDocument(ConcludedDocument):
    """`triage import --json`."""


class CollectDocument(ConcludedDocument):
    """`triage collect --json`."""

    shards: int
    base: BaseRun | None


class HistoryDocument(ListDocument):
    """`triage history --json`: how one test fared, newest run first."""

    rows: ClassVar[str | None] = "runs"

    nodeid: str
    flakiness: TestFlakiness | None
    runs: tuple[HistoryRow, ...]


class FlakyDocument(ListDocument):
    """`triage flaky --json`: tests by failure rate."""

    rows: ClassVar[str | None] = "tests"

    tests: tuple[FlakyTest, ...]
    more: int
    """Tests behind this page."""


class DiffDocument(Document):
    """`triage diff --json`: node ids by what happened to them from one run to the other."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    old: str
    new: str
    comparable: bool
    """Whether both runs are complete."""
    broken: tuple[str, ...]
    mended: tuple[str, ...]
    other_reason: tuple[str, ...] = Field(alias="other reason")
    """Red in both runs, with no signature in common."""
    flaky_now: tuple[str, ...] = Field(alias="flaky now")
    skipped_now: tuple[str, ...] = Field(alias="skipped now")
    added_red: tuple[str, ...] = Field(alias="added red")
    added: tuple[str, ...]
    gone: tuple[str, ...]
    moved: dict[str, str]
    """Earlier node id to the one that the test has now."""


def counts_of(record: RunRecord) -> OutcomeCounts:
    """The counts of a run as documents state them."""
    return OutcomeCounts.of(record.counts)
