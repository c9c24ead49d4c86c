"""What each join rule is worth: F1 on labelled failures with one rule left out, as the table of the page."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.clustering_data import devset
from benchmarks.clustering_score import Score
from benchmarks.projects import methods
from benchmarks.projects.mixture import LabelledRun
from tests.e2e.test_clusters_of_planted_faults import mixtures
from tests.signature.conftest import read_corpus
from triage.cluster import partition
from triage.cluster.assign import assign_failures
from triage.cluster.context import Context
from triage.cluster.groups import SlottedFailure, failures_of
from triage.cluster.join_rules.table import JOIN_RULES
from triage.cluster.registry import ClusterRegistry
from triage.cluster.suspicion import Suspicions
from triage.model.journal import ProposalMade
from triage.signature.api import signatures_of

_AT = "2026-01-01T00:00:00Z"
"""When everything is decided: a fixed time, so that each run of the benchmark does the same."""
_LEAST = 0.00005
"""Differences of F1 below it are rounded to nothing in the table."""


_NEEDED_FOR = {
    "flipped together": "tests that one experiment mends together",
    "same factor": "results of one function, wrong by one factor, however it was imported",
    "first bad commit": "clusters with one proven first bad commit",
}
"""Cases that mislead people without a rule which no sample needs: no sample has experiments or history."""


class _Labelled(NamedTuple):
    """The failures of one run, the causes that are known of them, and what else may be known."""

    failures: tuple[SlottedFailure, ...]
    cause_of: Mapping[str, str]
    """By node id; failures without a cause take part and are not scored."""
    context: Context


class _Sample(NamedTuple):
    """Runs that are scored together: a column of the table."""

    name: str
    runs: tuple[_Labelled, ...]


class _Outcome(NamedTuple):
    """What clustering made of a sample."""

    score: Score
    proposals: Counter[bool]
    """How many merges it proposed, by whether they are right: two clusters whose failures have one cause."""


def print_table(runs: Sequence[LabelledRun], devset_folder: Path) -> None:
    """Print the table: a row a rule, with the F1 that each sample loses without it, and its proposals."""
    samples = [
        _Sample("traced", tuple(_traced(runs))),
        _Sample("imported", tuple(_imported(runs))),
        _Sample("devset", tuple(_of_devset(devset_folder))),
        _Sample("planted", tuple(_planted())),
        _Sample("written", (_written(),)),
    ]
    names = [sample.name for sample in samples]
    whole = [_outcome(sample) for sample in samples]
    proposed = _proposals(whole)
    print(f"| rule | {' | '.join(names)} | proposals right / wrong | without a figure, for |")
    print(f"| --- |{' --: |' * (len(samples) + 1)} --- |")
    figures = " | ".join(f"{each.score.f1:.3f}" for each in whole)
    print(f"| all rules | {figures} | {proposed[True]} / {proposed[False]} | |")
    for rule in JOIN_RULES:
        with _without_rule(rule.name):
            left = [_outcome(sample) for sample in samples]
        lost = [_in_table(all_.score.f1 - part.score.f1) for all_, part in zip(whole, left, strict=True)]
        fewer = proposed.copy()
        fewer.subtract(_proposals(left))
        merges = f"{fewer[True]} / {fewer[False]}" if any(fewer.values()) else ""
        print(
            f"| {rule.name} | {' | '.join(lost)} | {merges} | {_NEEDED_FOR.get(rule.name, '')} |", flush=True
        )


def _in_table(lost: float) -> str:
    return f"{lost:.4f}" if abs(lost) >= _LEAST else ""


def _proposals(outcomes: Iterable[_Outcome]) -> Counter[bool]:
    return sum((each.proposals for each in outcomes), Counter[bool]())


def _without_rule(name: str) -> AbstractContextManager[object]:
    """A context in which triage clusters without one of its rules."""
    kept = tuple(rule for rule in JOIN_RULES if rule.name != name)
    return patch.object(partition, "JOIN_RULES", kept)


def _outcome(sample: _Sample) -> _Outcome:
    """Pairs within runs, of all runs together, and their proposals."""
    score, proposals = Score(), Counter[bool]()
    for run in sample.runs:
        registry = ClusterRegistry.of(())
        found = assign_failures(
            run.failures,
            registry,
            signer=signatures_of,
            factory=registry.event_factory(_AT, "benchmark"),
            stamp="S",
            context=run.context,
        )
        clusters = [found.cluster_of[nodeid, 0] for nodeid in run.cause_of]
        score.add(clusters, list(run.cause_of.values()))
        causes: dict[str, Counter[str]] = {}
        for cluster, cause in zip(clusters, run.cause_of.values(), strict=True):
            causes.setdefault(cluster, Counter())[cause] += 1
        for event in found.events:
            if isinstance(event, ProposalMade) and {event.cluster, event.with_cluster} <= causes.keys():
                mine, theirs = (
                    causes[name].most_common(1)[0][0] for name in (event.cluster, event.with_cluster or "")
                )
                proposals[mine == theirs] += 1
    return _Outcome(score, proposals)


def _traced(runs: Sequence[LabelledRun]) -> Iterator[_Labelled]:
    """As `triage run` saw them."""
    for run in runs:
        causes = zip(run.failures, run.labels, strict=True)
        cause_of = {slotted.slot[0]: label for slotted, label in causes}
        yield _Labelled(tuple(failures_of(run.record)), cause_of, methods.context_of_run(run))


def _imported(runs: Sequence[LabelledRun]) -> Iterator[_Labelled]:
    """The same without the look at red tests, which an imported report cannot have."""
    for run in _traced(runs):
        yield run._replace(context=replace(run.context, suspicions=Suspicions()))


def _of_devset(folder: Path) -> Iterator[_Labelled]:
    """The labelled failures of a real suite beside the checkout; nothing where they are not there."""
    for rows in devset(folder).values():
        failures = tuple(SlottedFailure((row.failure.nodeid, 0), row.failure) for row in rows)
        yield _Labelled(failures, {row.failure.nodeid: row.label for row in rows}, Context())


def _planted() -> Iterator[_Labelled]:
    """Small suites with several faults each, as pytest's own report has them."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        for record, fault_of in mixtures(Path(folder)):
            yield _Labelled(tuple(failures_of(record)), fault_of, Context())


def _written() -> _Labelled:
    """The cases of `tests/signature/corpus.toml`, with the causes that a person would name."""
    failures, cause_of = [], {}
    for number, (failure, cause) in enumerate(read_corpus().values()):
        nodeid = f"{failure.nodeid}@{number}"  # some are of one test, in several runs
        failures.append(SlottedFailure((nodeid, 0), failure))
        cause_of[nodeid] = cause
    return _Labelled(tuple(failures), cause_of, Context())
