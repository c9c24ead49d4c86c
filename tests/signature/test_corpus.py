"""The corpus: no signature changes its meaning, and causes come out as a person would have them.

A change of what an algorithm gives is a new version of it; the lines that `verdicts.json` has stay as
they are. A new case needs its line: `test_no_verdict_changes` prints it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from triage.cluster.assign import assign
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

VERDICTS = Path(__file__).parent / "verdicts.json"
Corpus = dict[str, tuple[Failure, str]]


def test_no_verdict_changes(corpus: Corpus) -> None:
    found = {
        name: [signature.id for signature in signatures_of(failure)] for name, (failure, _) in corpus.items()
    }
    known = json.loads(VERDICTS.read_text())
    changed = {
        name: (known[name], ids) for name, ids in found.items() if name in known and known[name] != ids
    }
    assert not changed, "an algorithm gives another signature than before: make it a new version"
    missing = {name: ids for name, ids in found.items() if name not in known}
    assert not missing, f"cases without a verdict: {json.dumps(missing, indent=1)}"
    assert found.keys() == known.keys(), "verdicts without a case"


def record_of(corpus: Corpus) -> tuple[RunRecord, dict[tuple[str, int], str]]:
    tests: dict[str, list[tuple[Failure, str]]] = defaultdict(list)
    for failure, cause in corpus.values():
        tests[failure.nodeid].append((failure, cause))
    results = tuple(
        TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=tuple(failure for failure, _ in found))
        for nodeid, found in tests.items()
    )
    causes = {(nodeid, i): cause for nodeid, found in tests.items() for i, (_, cause) in enumerate(found)}
    return RunRecord(stamp="S", campaign="c", root="/", complete=True, results=results), causes


def test_clusters_are_the_causes_that_a_person_would_name(corpus: Corpus) -> None:
    record, causes = record_of(corpus)
    registry = ClusterRegistry.of(())
    found = assign(
        record, registry, signer=signatures_of, factory=registry.event_factory("2026-01-01T00:00:00Z", "test")
    )
    of_cluster, of_cause = defaultdict(set), defaultdict(set)
    for slot, cluster in found.cluster_of.items():
        of_cluster[cluster].add(causes[slot])
        of_cause[causes[slot]].add(cluster)
    assert {cluster: names for cluster, names in of_cluster.items() if len(names) > 1} == {}
    divided = {cause for cause, ids in of_cause.items() if len(ids) > 1}
    # what they show, every failure of such a process shows, of whatever cause: joins are proposed
    assert divided == {"leaked default dtype", "slow machine"}


def test_a_join_that_text_cannot_decide_is_proposed_with_its_command(corpus: Corpus) -> None:
    record, causes = record_of(corpus)
    registry = ClusterRegistry.of(())
    found = assign(
        record, registry, signer=signatures_of, factory=registry.event_factory("2026-01-01T00:00:00Z", "test")
    )
    after = ClusterRegistry.of(found.events)
    by_cluster = {cluster: causes[slot] for slot, cluster in found.cluster_of.items()}
    proposed = {
        frozenset((by_cluster[made.cluster], by_cluster[made.with_cluster or ""])): made.why[0]
        for made in after.proposals
    }
    why = proposed[frozenset(("epoch offset", "wrong share of sunlight"))]
    assert why.proposal
    assert why.confirm is not None
    assert why.confirm.startswith("triage merge C")


def test_one_algorithm_signs(corpus: Corpus) -> None:
    for failure, _ in corpus.values():
        assert [signature.algorithm for signature in signatures_of(failure)] == ["reason/1"]
