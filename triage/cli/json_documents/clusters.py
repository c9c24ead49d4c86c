"""Documents about clusters: `clusters`, `explain`, `show`, and what people decide about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import ClassVar, Literal

from pydantic import ConfigDict, field_validator

from triage.campaign.explanation import KnownCause
from triage.cli.json_documents.base import Document, ListDocument
from triage.evidence.history.api import HistoryRow
from triage.evidence.history.flakiness import TestFlakiness
from triage.model.base import Value
from triage.model.base_commit import BaseVerdict, OnBase
from triage.model.cluster import Cluster, Why, WhyKind
from triage.model.experiment import ExperimentResult, RootCause
from triage.model.failure import Captured, Raised
from triage.model.outcome import Outcome
from triage.model.quarantine import Quarantine
from triage.model.run import Reruns

ToldKind = Literal[
    "frame", "message", "exception", "chain", "file", "parameter", "process-state", "co-failure", "rule",
    "experiment",
]  # fmt: skip
"""The kinds of evidence that programs are told of."""

_TOLD_AS: dict[WhyKind, WhyKind] = {
    "line": "frame",
    "comparison": "message",
    "signature": "message",
    "move": "file",
    "person": "rule",
}
"""The kinds that only the evidence tells apart: a failing line is a place, a number in a message is of it, a
signature that is known says the same again, a renamed file is the same file, people decide as rules do."""


class ToldWhy(Why):
    """One piece of evidence, of a kind that programs are told of."""

    kind: ToldKind

    @field_validator("kind", mode="before")
    @classmethod
    def _as_told(cls, kind: WhyKind) -> WhyKind:
        return _TOLD_AS.get(kind, kind)

    @classmethod
    def of(cls, why: Why) -> ToldWhy:
        """The same evidence."""
        return cls.model_validate(why.model_dump())


class ToldCluster(Cluster):
    """A cluster as programs are told of it."""

    why: tuple[ToldWhy, ...] = ()

    @field_validator("why", mode="before")
    @classmethod
    def _as_told(cls, whys: Iterable[object]) -> list[object]:
        return [why.model_dump() if isinstance(why, Why) else why for why in whys]


class ClusterRow(ToldCluster):
    """A cluster with its members in one run and what was found to cause it."""

    cause: RootCause | None = None
    """The newest answer of phase B; null where none was found."""

    @classmethod
    def of_cluster(cls, cluster: Cluster, cause: RootCause | None) -> ClusterRow:
        """The cluster with what was found to cause it."""
        fields = {name: getattr(cluster, name) for name in Cluster.model_fields}
        return cls(**fields, cause=cause)


class ClustersDocument(ListDocument):
    """`triage clusters --json`: clusters of a run with members and the evidence for each join."""

    rows: ClassVar[str | None] = "clusters"

    stamp: str | None
    """Null where no run is recorded, and the journal alone has clusters."""
    void: str | None
    """Why the run can answer nothing."""
    clusters: tuple[ClusterRow, ...]


class MoveByRule(Value):
    """One failure that a rule would put elsewhere."""

    nodeid: str
    origin: str
    """The cluster that it has without the rules."""
    target: str
    rules: tuple[str, ...]
    """The rules that match it, the one that decides first."""


class RulesPreviewDocument(Document):
    """`triage clusters --rules FILE --json`: what a file of rules would move."""

    stamp: str
    expired: tuple[str, ...]
    """Rules that decide nothing any more."""
    moves: tuple[MoveByRule, ...]


class FieldDifference(Value):
    """A field of the signature in which a failure differs from those of a cluster."""

    field: str
    own: str
    theirs: tuple[str, ...]


class Membership(Value):
    """Why a test is in a cluster, or is not."""

    member: bool
    reason: str
    cluster: str | None = None
    """The one that has the test, where it is no member."""
    differences: tuple[FieldDifference, ...] = ()
    confirm: str | None = None
    """The command that joins the two all the same."""


class ExplainDocument(Document):
    """`triage explain --json`: why failures are together."""

    cluster: str
    title: str
    stamp: str | None
    why: tuple[ToldWhy, ...]
    base: BaseVerdict | None
    """What the base says of it; null where it was not asked."""
    cause: KnownCause | None
    members: dict[str, tuple[dict[str, str], ...]]
    """Node id to the fields of the signatures of its failures."""
    nodeid: str | None = None
    """The test that was asked about."""
    verdict: Membership | None = None


class ShownEvent(Value):
    """An event of the journal; each kind has further fields."""

    model_config = ConfigDict(extra="allow")

    id: str
    at: str
    by: str
    event: str


class FailurePlaces(Value):
    """Lines that a failure came through, as `path:line`."""

    product: str | None = None
    test: str | None = None


class ShownFailure(Value):
    """One failure with its traceback and what the test printed."""

    nodeid: str
    phase: str
    """collect, setup, call or teardown."""
    exception: str
    message: str
    subtest: str | None = None
    places: FailurePlaces = FailurePlaces()
    chain: tuple[Raised, ...] = ()
    """The reported exception, then what caused it, each with its frames."""
    captured: Captured = Captured()
    longrepr: str | None = None
    """As pytest shows it; with `--full` alone."""


class ShowDocument(ToldCluster, Document):
    """`triage show C7 --json`: all that is known of one cluster."""

    stamp: str | None
    """The newest run that shows its failure; null where its evidence is gone."""
    events: tuple[ShownEvent, ...]
    next: str | None
    """The command that takes the cluster on."""
    cause: KnownCause | None
    failures: tuple[ShownFailure, ...]
    """The one that stands for the others; with `--full` all of them."""
    experiments: tuple[ExperimentResult, ...]
    """Of the probe that found the cause, what decided first."""
    rerun: str | None
    """The pytest command that runs its tests again; null where they pass alone."""


class ShowTestDocument(Document):
    """`triage show NODEID --json`: all that is known of one test."""

    nodeid: str
    stamp: str
    """The newest run that has it."""
    outcome: Outcome
    duration: float | None
    """Seconds."""
    reruns: Reruns | None
    base: OnBase | None
    note: str | None
    clusters: tuple[str, ...]
    quarantine: Quarantine | None
    failures: tuple[ShownFailure, ...]
    history: tuple[HistoryRow, ...]
    """Recorded runs, newest first."""
    flakiness: TestFlakiness | None
    rerun: str | None
    next: str | None


class ClusterDocument(ToldCluster, Document):
    """A cluster after a decision: `triage assign`, `triage merge` and `triage rename` with `--json`."""


class SplitDocument(Document):
    """`triage split --json`: the members that became a cluster of their own."""

    cluster: str
    new: str
    members: tuple[str, ...]


class ApartDocument(Document):
    """`triage split --apart-from --json`: two clusters that are not proposed as one again."""

    apart: tuple[str, str]


class QuarantineDocument(Quarantine, Document):
    """`triage quarantine SUBJECT --until DATE --json`: what was vouched for."""


class LiftedDocument(Document):
    """`triage quarantine SUBJECT --lift --json`."""

    lifted: str


class QuarantineRow(Value):
    """A quarantine as it stands today."""

    subject: str
    """The cluster's id, or the node id."""
    cluster: str | None
    nodeid: str | None
    until: date
    """The last day."""
    owner: str
    reason: str
    by: str
    at: str
    holds: bool


class QuarantinesDocument(Document):
    """`triage quarantine --json`: all that is vouched for, by its last day."""

    quarantines: tuple[QuarantineRow, ...]
