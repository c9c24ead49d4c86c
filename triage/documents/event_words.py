"""Say what an event of the journal means for its cluster, in a word and a sentence."""

from __future__ import annotations

from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    Event,
    FilesMoved,
    MembersAdded,
    OwnerSet,
    Renamed,
    StatusChanged,
)


def event_in_words(event: Event) -> tuple[str, str]:
    """A word for what happened, and the sentence with it."""
    match event:
        case ClusterOpened():
            said = "opened", event.title
        case StatusChanged():
            said = str(event.status.value), event.reason
        case AttemptRecorded():
            said = f"phase {event.phase.upper()}", event.summary
        case CriterionMet():
            said = "criterion met", f"{event.criterion} ({event.scope}, {event.runs} runs)"
        case OwnerSet():
            said = "owner", event.owner
        case Renamed():
            said = "renamed", event.title
        case MembersAdded():
            said = "members", ", ".join(event.members)
        case ClustersMerged():
            said = "merged", f"{event.cluster} into {event.into}"
        case ClusterSplit():
            said = "split", f"{', '.join(event.members)} into {event.new}"
        case FilesMoved():
            said = "files moved", "; ".join(f"{move.old} -> {move.new} ({move.how})" for move in event.moves)
        case _:
            said = event.event.replace("_", " "), ""
    return said
