"""Judge a recorded run again: its `gate.json` must be what its clusters, its base and its policy give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from triage.campaign.gate import GateReport, judge
from triage.campaign.recorded import read_clusters, read_record
from triage.cluster.on_base import blamed
from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.model.base import STAMP_FORMAT
from triage.model.cluster import Cluster
from triage.model.journal import Event, MembersAdded

GATE = "gate.json"
_WITH_DAY = 7
"""The version of the summary since which the report says what it was judged by."""
_LISTS = ("held_against", "held", "warnings", "quarantined")


def check_gate_report(folder: EvidenceFolder, events: Iterable[Event]) -> Iterator[str]:
    """Give a sentence for each thing in a run's `gate.json` that does not follow from the other evidence.

    `events` are the journal's. Of a report of an older version, which does not hold what it was judged by,
    nothing is said; files that are missing or damaged are problems of their own.
    """
    report = _read(folder.path / GATE)
    if report is None:
        return
    if report.day is None:
        if _summary_version(folder.path / "summary.json") >= _WITH_DAY:
            yield "it does not say on which day it was judged"
        return
    try:
        clusters = read_clusters(folder.path)
        record = read_record(folder.path)
    except TriageError:
        return
    if report.stamp != folder.stamp:
        yield f"it is of {report.stamp}"
    began = datetime.strptime(folder.stamp, STAMP_FORMAT).replace(tzinfo=UTC).date()
    if report.day < began:
        yield f"it asks on {report.day} whether quarantines hold, and the run began on {began}"
    yield from _problems_of_members(report, clusters, folder.stamp, events)
    new = {name: set(nodeids) for name, nodeids in report.new_members.items()}
    computed = judge(
        report.stamp,
        clusters,
        report.policy,
        known_members={each.id: set(each.members) - new.get(each.id, set()) for each in clusters},
        blamed={cluster.id: blamed(cluster, record) for cluster in clusters},
        today=report.day,
    )
    for name in _LISTS:
        stated, expected = getattr(report, name), getattr(computed, name)
        is_older = stated is None  # reports of older versions do not name the clusters
        if stated != expected and not is_older:
            difference = _first_difference(stated, expected)
            yield f"{name} is not what the clusters of the run give: {difference}"


def _problems_of_members(
    report: GateReport, clusters: Iterable[Cluster], stamp: str, events: Iterable[Event]
) -> Iterator[str]:
    """Tests that the journal gained by this run are new in its report."""
    gained = {
        nodeid
        for event in events
        if isinstance(event, MembersAdded) and event.stamp == stamp
        for nodeid in event.members
    }
    stated = {nodeid for nodeids in report.new_members.values() for nodeid in nodeids}
    in_run = {nodeid for cluster in clusters if cluster.is_seen for nodeid in cluster.members}
    for nodeid in sorted((gained & in_run) - stated):
        yield f"{nodeid} was new in its cluster by this run, and is not said to be"


def _first_difference(stated: tuple[str, ...], expected: tuple[str, ...]) -> str:
    missing = [line for line in expected if line not in stated]
    if missing:
        return f"{missing[0]!r} is missing"
    added = [line for line in stated if line not in expected]
    return f"{added[0]!r} is no part of it" if added else "the order is another one"


def _summary_version(path: Path) -> int:
    try:
        version = json.loads(read_record_bytes(path))["v"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return version if isinstance(version, int) else 0


def _read(path: Path) -> GateReport | None:
    try:
        return GateReport.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
