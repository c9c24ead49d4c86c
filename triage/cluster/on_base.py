"""What the base says of clusters: the worst of what it says of their tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from triage.model.base_commit import BaseVerdict, worst
from triage.model.cluster import Cluster
from triage.model.run import RunRecord, TestResult


def with_base(clusters: Iterable[Cluster], record: RunRecord) -> tuple[Cluster, ...]:
    """The clusters with the base's verdict on each that the run showed; unchanged in a run without a base."""
    results = {result.nodeid: result for result in record.results if result.base is not None}
    results |= {result.nodeid: result for result in record.collect_errors if result.base is not None}
    return tuple(_with_base(cluster, results) for cluster in clusters) if results else tuple(clusters)


def blamed(cluster: Cluster, record: RunRecord) -> list[str]:
    """A line for each failing test of a cluster that came with the change, with what the base says.

    Flaky tests are named where the cluster has no steady one. None where the run had no base.
    """
    if record.base is None:
        return []
    names = set(cluster.members)
    members = [result for result in (*record.collect_errors, *record.results) if result.nodeid in names]
    lines = []
    for result in _speaking(members):
        if result.base is not None and result.base.verdict.blames_change:
            lines.append(f"{result.nodeid}: {result.base.reason}")
    return lines


def _speaking(members: Sequence[TestResult]) -> Sequence[TestResult]:
    """The members by which a cluster is judged: a flaky test speaks for one that has no steady failure."""
    red = [result for result in members if result.outcome.is_red]
    return red or [result for result in members if result.outcome.has_failures]


def _with_base(cluster: Cluster, results: Mapping[str, TestResult]) -> Cluster:
    if not cluster.is_seen:
        return cluster
    members = [results[nodeid] for nodeid in cluster.members if nodeid in results]
    verdict = worst(_verdicts(_speaking(members)))
    return cluster.model_copy(update={"base": verdict})


def _verdicts(results: Iterable[TestResult]) -> list[BaseVerdict]:
    return [result.base.verdict for result in results if result.base is not None]
