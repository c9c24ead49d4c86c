"""Make journal events whose ids follow from their content, so that a repeated decision is one event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    ClusterRenumbered,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    EvidencePruned,
    FilesMoved,
    FlakySeen,
    MembersAdded,
    NumberingStarted,
    OwnerSet,
    ProposalDropped,
    ProposalMade,
    Quarantined,
    QuarantineLifted,
    Renamed,
    RuleBound,
    RunRecorded,
    SignatureAdded,
    StatusChanged,
    content_id,
)

AnyEvent = TypeVar(
    "AnyEvent",
    NumberingStarted,
    ClusterOpened,
    SignatureAdded,
    FilesMoved,
    MembersAdded,
    ClustersMerged,
    ClusterSplit,
    StatusChanged,
    AttemptRecorded,
    OwnerSet,
    Renamed,
    CriterionMet,
    ClusterRenumbered,
    ProposalMade,
    ProposalDropped,
    RuleBound,
    RunRecorded,
    EvidencePruned,
    FlakySeen,
    Quarantined,
    QuarantineLifted,
)


OPENING_OF = {"cluster": "opening", "into": "into_opening", "with_cluster": "with_opening"}
"""Fields that name a cluster, each with the field that says which opening is meant."""


class EventFactory:
    """Makes events of one decision: `at` rises by a microsecond from each to the next.

    `ClusterRegistry.event_factory` makes one that fits the journal: `lineage` maps a cluster to the event
    that opened it, so that each event says which cluster it means even where another branch allots the
    same number, and `after` is the time of the last event, so that a clock that stands still or goes back
    reorders nothing.
    """

    def __init__(
        self, at: str, by: str, lineage: Mapping[str, str] | None = None, after: str | None = None
    ) -> None:
        self._moment = datetime.fromisoformat(at)
        if after is not None:
            self.follow(after)
        self._by = by
        self._lineage = dict(lineage or {})

    def follow(self, at: str) -> None:
        """Let all that comes next be later than `at`."""
        self._moment = max(self._moment, datetime.fromisoformat(at) + timedelta(microseconds=1))

    def make(self, kind: type[AnyEvent], /, **fields: Any) -> AnyEvent:
        """An event of this kind with `id`, `at`, `by` and `opening` filled in."""
        for named, opening in OPENING_OF.items():
            if fields.get(named) is not None and opening in kind.model_fields:
                fields.setdefault(opening, self._lineage.get(str(fields[named])))
        draft = kind(id="", at=self._tick(), by=self._by, **fields)
        event = draft.model_copy(update={"id": content_id(draft)})
        if isinstance(event, ClusterOpened):
            self._lineage[event.cluster] = event.id
        elif isinstance(event, ClusterSplit):
            self._lineage[event.new] = event.id
        return event

    def _tick(self) -> str:
        at = self._moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._moment += timedelta(microseconds=1)
        return at
