"""Collect the data of a page from evidence and journal; the same again gives the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.campaign.html_report.causes import cluster_entries
from triage.campaign.html_report.document import PageEvidence, RunPoint
from triage.campaign.html_report.failures import failure_entries, test_columns
from triage.campaign.html_report.history import (
    EarlierRun,
    earlier_runs,
    gone_tests,
    run_point,
    seen_clusters,
)
from triage.campaign.html_report.hunts import newest_hunt
from triage.campaign.html_report.run_facts import attempt_entries, run_facts
from triage.campaign.recorded import RecordedRun, read_clusters, read_failures
from triage.campaign.rerun_command import conditions_of_rerun
from triage.cluster.mending import mended
from triage.cluster.registry import ClusterRegistry, as_decided
from triage.documents.ledgers import JOURNAL
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal


def collect(output: Path, run: RecordedRun, summary: Mapping[str, Any], *, as_of: str) -> PageEvidence:
    """Everything that the page shows of a run; the journal is read as of a moment.

    Raises `VoidError` where the run's own files are damaged.
    """
    registry = journal_as_of(output, as_of)
    rows = read_failures(run.folder.path)
    homes: dict[str, list[str | None]] = {}
    for row in rows:
        homes.setdefault(row.nodeid, []).append(row.cluster)
    results = (*run.record.collect_errors, *run.record.results)
    nodeids = [result.nodeid for result in results]
    tests = test_columns(results, summary["red"], summary["flaky"])
    failures = failure_entries(results, homes)
    clusters = as_decided(registry, read_clusters(run.folder.path))
    earlier = earlier_runs(EvidenceFolder.all(output, phase="a"), run)
    facts = run_facts(run, summary)
    own = EarlierRun(
        stamp=facts.stamp,
        commit=facts.commit,
        verdict=facts.verdict,
        seconds=facts.seconds,
        counts=facts.counts,
        clusters=seen_clusters(summary["clusters"]),
        letters={result.nodeid: result.outcome.letter for result in results},
    )
    return PageEvidence(
        run=facts,
        tests=tests,
        failures=failures,
        clusters=cluster_entries(
            output,
            clusters,
            summary["clusters"],
            registry,
            failures=failures,
            conditions=conditions_of_rerun(run.folder.path),
        ),
        history=_points([*earlier, own], nodeids),
        gone=gone_tests(earlier, nodeids),
        attempts=attempt_entries(run),
        flaky=tuple(summary["flaky"]),
        hunt=newest_hunt(output, facts.campaign, as_of),
    )


def journal_as_of(output: Path, moment: str) -> ClusterRegistry:
    """What the journal said at a moment: later events are not read."""
    events = Journal(output / JOURNAL).read()
    return mended(event for event in events if event.at <= moment)


def _points(runs: Sequence[EarlierRun], nodeids: Sequence[str]) -> tuple[RunPoint, ...]:
    return tuple(run_point(each, nodeids) for each in runs)
