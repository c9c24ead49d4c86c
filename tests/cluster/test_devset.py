"""A real project's failures with the causes that people found, read where they lie beside the checkout."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from triage.cluster.assign import assign
from triage.cluster.registry import ClusterRegistry
from triage.formats.longrepr import parse_longrepr
from triage.model.failure import Captured, Failure
from triage.model.journal import ProposalMade
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

DEVSET = Path(__file__).resolve().parents[3] / "shared" / "devset"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DEVSET.is_dir(), reason="the labelled failures are not beside the checkout"),
]
Run = tuple[RunRecord, dict[str, str]]


def failure_of(row: dict[str, Any]) -> Failure:
    parts = re.split(r"^-+ Captured (stdout|stderr) \w+ -+$", row["captured"] or "", flags=re.MULTILINE)
    return Failure(
        nodeid=row["nodeid"],
        phase=Phase.CALL,
        chain=parse_longrepr(row["longrepr"], test_file=row["file"]),
        longrepr=row["longrepr"],
        captured=Captured(**dict(zip(parts[1::2], parts[2::2], strict=True))),
    )


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    found = []
    for path in sorted(DEVSET.glob("*.jsonl"), key=lambda path: path.stem.rpartition("_")[2]):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        results = tuple(
            TestResult(nodeid=row["nodeid"], outcome=Outcome.FAILED, failures=(failure_of(row),))
            for row in rows
        )
        record = RunRecord(stamp=path.stem, campaign="x", root="/", complete=True, results=results)
        found.append((record, {row["nodeid"]: row["label_evidence"] for row in rows}))
    return found


def test_types_and_messages_are_read_as_the_report_had_them() -> None:
    for path in DEVSET.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            assert failure_of(row).exception == row["exception_type"], row["nodeid"]


def test_pairwise_scores_within_runs(runs: list[Run]) -> None:
    tally: Counter[str] = Counter()
    for record, labels in runs:
        empty = ClusterRegistry.of(())
        found = assign(
            record, empty, signer=signatures_of, factory=empty.event_factory("2026-01-01T00:00:00Z", "x")
        )
        ids = {nodeid: cluster for (nodeid, _), cluster in found.cluster_of.items()}
        for one, other in combinations(sorted(labels), 2):
            joined, alike = ids[one] == ids[other], labels[one] == labels[other]
            tally.update(joined=joined, alike=alike, both=joined and alike)
    precision, recall = tally["both"] / tally["joined"], tally["both"] / tally["alike"]
    assert precision >= 0.98
    assert 2 * precision * recall / (precision + recall) >= 0.97


def test_ids_stay_with_the_fault_over_consecutive_runs(runs: list[Run]) -> None:
    """One journal over all runs: the same fault keeps its id everywhere, two faults never share one."""
    registry = ClusterRegistry.of(())
    before: dict[str, tuple[str, str]] = {}
    ids_of: dict[str, set[str]] = {}
    proposed: defaultdict[str, set[str]] = defaultdict(set)
    """By cluster: the others that it was proposed to be one with."""
    for record, labels in runs:
        found = assign(
            record,
            registry,
            signer=signatures_of,
            factory=registry.event_factory("2026-01-01T00:00:00Z", "x"),
        )
        registry = ClusterRegistry.of((*registry.events, *found.events))
        now = {nodeid: (labels[nodeid], cluster) for (nodeid, _), cluster in found.cluster_of.items()}
        for nodeid in now.keys() & before.keys():
            assert (now[nodeid][0] == before[nodeid][0]) is (now[nodeid][1] == before[nodeid][1]), nodeid
        before |= now
        for event in found.events:
            if isinstance(event, ProposalMade) and event.with_cluster is not None:
                proposed[event.cluster].add(event.with_cluster)
                proposed[event.with_cluster].add(event.cluster)
        for label, cluster in now.values():
            ids_of.setdefault(label, set()).add(cluster)
    apart = {label: ids for label, ids in ids_of.items() if len(ids) > 1}
    # that each compares a measured time with a limit is a mark of the machine: it proposes, and joins nothing
    assert set(apart) <= {"TIMING-THRESHOLD"}
    assert all(proposed[cluster] & (ids - {cluster}) for ids in apart.values() for cluster in ids)
    clusters = [cluster for ids in ids_of.values() for cluster in ids]
    assert len(clusters) == len(set(clusters)), "two faults share an id"
