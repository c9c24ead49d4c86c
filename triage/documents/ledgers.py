"""The ledgers: markdown of the project in which triage owns marked regions, rendered from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.cluster.registry import ClusterRegistry
from triage.documents.regions import splice
from triage.documents.render import load_templates
from triage.documents.template_engine import Source, render
from triage.evidence.atomic import disk_error, locked, write_bytes
from triage.model.claim import Artifact
from triage.model.cluster import Cluster, ClusterStatus
from triage.model.journal import (
    AttemptRecorded,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    Event,
    OwnerSet,
    StatusChanged,
)

_NEXT = {
    ClusterStatus.OPEN: "triage probe",
    ClusterStatus.PROBED: "triage design",
    ClusterStatus.DESIGNED: "triage verify",
}


def ledger_values(clusters: Iterable[Cluster], events: Sequence[Event]) -> dict[str, Any]:
    """JSON for the ledgers' templates: every cluster with its attempts, criteria and changes, by number."""
    ordered = sorted(clusters, key=lambda cluster: cluster.number)
    by_cluster: dict[str, list[tuple[int, Event]]] = {}
    for at, event in enumerate(events):
        by_cluster.setdefault(getattr(event, "cluster", ""), []).append((at, event))
    return {"clusters": [_cluster(cluster, _own(cluster, by_cluster)) for cluster in ordered]}


def _own(cluster: Cluster, by_cluster: Mapping[str, list[tuple[int, Event]]]) -> list[Event]:
    """Events of a cluster and of those merged into it, in the order of the journal."""
    found = [pair for name in (cluster.id, *cluster.aliases) for pair in by_cluster.get(name, ())]
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _cluster(cluster: Cluster, own: Sequence[Event]) -> dict[str, Any]:
    command = _NEXT.get(cluster.status)
    return {
        **cluster.model_dump(mode="json", exclude={"state_in_run"}),
        "next": f"{command} {cluster.id}" if command else None,
        "attempts": [
            {"number": number, **_attempt(event)}
            for number, event in enumerate((e for e in own if isinstance(e, AttemptRecorded)), start=1)
        ],
        "criteria": [
            event.model_dump(mode="json", include={"criterion", "scope", "runs", "stamp", "evidence"})
            for event in own
            if isinstance(event, CriterionMet)
        ],
        "changes": [change for event in own if (change := _change(event)) is not None],
    }


def _attempt(event: AttemptRecorded) -> dict[str, Any]:
    return event.model_dump(mode="json", include={"phase", "campaign", "stamp", "summary", "evidence", "by"})


def _change(event: Event) -> dict[str, Any] | None:
    """A decision about a cluster as one line of its history."""
    what: str | None = None
    reason, stamp = "", None
    if isinstance(event, StatusChanged):
        what, reason, stamp = event.status.value, event.reason, event.stamp
    elif isinstance(event, ClustersMerged):
        what = f"merged into {event.into}"
    elif isinstance(event, ClusterSplit):
        what = f"split: {event.new} left it"
    elif isinstance(event, OwnerSet):
        what = f"owned by {event.owner}"
    if what is None:
        return None
    return {"at": event.at, "by": event.by, "what": what, "reason": reason, "stamp": stamp}


JOURNAL = "plans/journal.jsonl"
_HINT = (
    "Triage writes between the markers, from `plans/journal.jsonl`; every byte outside of them is yours.\n"
)


@dataclass(frozen=True)
class Ledger:
    """A document with its regions, in order, each with the heading and the template that it gets."""

    path: str
    title: str
    regions: tuple[tuple[str, str, str], ...]


LEDGERS = (
    Ledger(
        "plans/fix_plan.md",
        "Fix plan",
        (
            ("clusters", "Clusters", "ledger/clusters.md.j2"),
            ("attempts", "Attempts history", "ledger/attempts.md.j2"),
        ),
    ),
    Ledger(
        "reports/remediation_tracker.md",
        "Remediation tracker",
        (("tracker", "State of the clusters", "ledger/tracker.md.j2"),),
    ),
)


def update_ledgers(
    root: Path, registry: ClusterRegistry, templates: Mapping[str, str] | None = None
) -> list[str]:
    """Render every region of every ledger; returns a line for each file that changed.

    Nothing is written unless all can be: raises `UsageError` where a person changed a region or its
    markers are broken, `VoidError` where the disk refuses.
    """
    with locked(root / "plans"):
        changed = []
        for ledger in LEDGERS:
            path = root / ledger.path
            old = read_ledger(path)
            new = splice(
                _start(ledger) if old is None else old,
                render_regions(ledger, registry, templates),
                ledger.path,
            )
            if new != old:
                changed.append((path, new, ledger.path))
        for path, data, _ in changed:
            write_bytes(path, data, follow_symlink=True)
    return [f"{name}: rendered from {JOURNAL}" for _, _, name in changed]


def check_regions(root: Path) -> None:
    """Whether every ledger can take what triage writes; raises as `update_ledgers` does, writes nothing."""
    for ledger in LEDGERS:
        data = read_ledger(root / ledger.path)
        if data is not None:
            splice(data, {name: "" for name, _, _ in ledger.regions}, ledger.path)


def render_regions(
    ledger: Ledger, registry: ClusterRegistry, templates: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The text of each region of a ledger as the journal demands it."""
    texts = load_templates() if templates is None else templates
    data = ledger_values(registry.clusters.values(), registry.events)
    source = Source(Artifact(path=JOURNAL, sha256=""), data)
    return {
        name: render(template, {"ledger": source}, texts, document=ledger.path).text
        for name, _, template in ledger.regions
    }


def _start(ledger: Ledger) -> bytes:
    """A ledger that nobody has written yet, its regions empty."""
    sections = [
        f"## {heading}\n\n<!-- triage:begin {name} -->\n<!-- triage:end {name} -->\n"
        for name, heading, _ in ledger.regions
    ]
    return "\n".join((f"# {ledger.title}\n", _HINT, *sections)).encode()


def read_ledger(path: Path) -> bytes | None:
    """The file as it is; None where nobody has written it yet. Raises `VoidError` where the disk refuses."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
