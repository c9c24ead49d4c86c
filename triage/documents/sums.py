"""Check that the files of a run's folder agree with its record: counts, outcomes, failures, clusters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from triage.documents.gate_check import check_gate
from triage.documents.look_check import check_look
from triage.documents.record_check import check_record
from triage.documents.rerun_check import check_reruns
from triage.evidence.packed import read_record_bytes
from triage.evidence.record_rows import read_run_record
from triage.model.cluster import Cluster
from triage.model.look import FOLDER as LOOK
from triage.model.outcome import Outcome
from triage.model.reruns import FOLDER as RERUNS
from triage.model.run import RunRecord

PREFLIGHT = "preflight.json"
RESULTS = "results.json"
SUMMARY = "summary.json"
CLUSTERS = "clusters.json"
FAILURES = "failures.json"

Comparison = Callable[[Mapping[str, Any], RunRecord], Iterator[str]]
"""Gives what a document says otherwise than the record."""

_REPORTED_BY_PYTEST = frozenset(
    outcome.value for outcome in Outcome if outcome.finished and not outcome.is_flaky
)
"""Deaths are reported by the parent process, reruns follow the chunks: a chunk's report cannot know them."""


def check_sums(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything in a run's folder that does not add up."""
    if not any((folder / name).is_file() for name in (RESULTS, FAILURES, CLUSTERS)):
        return  # the folder of another phase
    try:
        record = read_run_record(folder / RESULTS)
    except FileNotFoundError:
        yield RESULTS, "is missing"
        return
    except (OSError, ValueError) as error:
        yield RESULTS, f"cannot be read: {str(error).splitlines()[0]}"
        return
    for problem in _problems_of_record(record):
        yield RESULTS, problem
    yield from _compared(folder / SUMMARY, record, _compare_summary)
    if (folder / PREFLIGHT).is_file():  # imported runs have none
        yield from _compared(folder / PREFLIGHT, record, _compare_preflight)
    for path in sorted(folder.glob("chunks/*/report.json")):
        for name, problem in _compared(path, record, _compare_chunk_report):
            yield f"chunks/{path.parent.name}/{name}", problem
    ran_again = record.plan is not None and any(result.reruns for result in record.results)
    if ran_again or (folder / RERUNS).is_dir():  # imported reports count attempts that triage did not make
        for name, problem in check_reruns(folder / RERUNS, record):
            yield f"{RERUNS}/{name}", problem
    for name, problem in check_look(folder / LOOK, record):
        yield f"{LOOK}/{name}", problem
    yield from _compared(folder / FAILURES, record, _compare_failures)
    yield from _compared(folder / CLUSTERS, record, _compare_clusters)
    yield from check_gate(folder)
    yield from check_record(folder, record)


def _compared(path: Path, record: RunRecord, compare: Comparison) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(read_record_bytes(path))
        for problem in compare(document, record):
            yield path.name, problem
    except FileNotFoundError:
        yield path.name, "is missing"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        yield path.name, f"cannot be read: {type(error).__name__}: {error}"


def _problems_of_record(record: RunRecord) -> Iterator[str]:
    """Each planned test has one outcome; a suite may hold the same node id more than once."""
    if record.plan is not None:
        planned = Counter(nodeid for chunk in record.plan.chunks for nodeid in chunk.nodeids)
        recorded = Counter(result.nodeid for result in record.planned_results)
        for nodeid, before, after in _differences(planned, recorded):
            yield f"{nodeid} was planned {before} times and has {after} outcomes"
    if record.complete and record.counts.not_run:
        yield f"it says complete, and {record.counts.not_run} tests have not run"


def _compare_summary(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    counts = document["counts"]
    total = sum(int(counts.get(outcome.value, 0)) for outcome in Outcome)  # an older one may lack some
    if total != counts["collected"]:
        yield f"its outcomes add up to {total}, and it says that {counts['collected']} tests were collected"
    for name, number in record.counts.model_dump().items():
        if counts.get(name, 0) != number:
            yield f"it says {counts.get(name, 0)} {name}, and {RESULTS} holds {number}"


def _compare_preflight(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """What was collected has an outcome, unless this machine ran a shard of it."""
    if record.plan is None or record.plan.shard is not None:
        return
    collected = Counter(document["nodeids"])
    recorded = Counter(result.nodeid for result in record.planned_results)
    for nodeid, before, after in _differences(collected, recorded):
        yield f"{nodeid} was collected {before} times and has {after} outcomes"


def _compare_chunk_report(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """A chunk's own report gives a test the outcome of the record, where both can know it."""
    times = Counter(result.nodeid for result in record.results)
    recorded = {result.nodeid: result.outcome.value for result in record.results if times[result.nodeid] == 1}
    for test in document["tests"]:
        if test["nodeid"] not in times:
            yield f"{test['nodeid']} ran here, and {RESULTS} does not hold it"
        in_record = recorded.get(test["nodeid"])
        in_report = test["outcome"]
        both_known = in_record in _REPORTED_BY_PYTEST and in_report in _REPORTED_BY_PYTEST
        if both_known and in_record != in_report:
            yield f"{test['nodeid']} is {in_report} here, and {in_record} in {RESULTS}"


def _compare_failures(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    listed = Counter(row["nodeid"] for row in document["failures"])
    recorded = Counter(failure.nodeid for failure in record.failures)
    for nodeid, here, there in _differences(listed, recorded):
        yield f"it lists {here} failures of {nodeid}, and {RESULTS} holds {there}"


def _compare_clusters(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    ids = Counter(cluster["id"] for cluster in document["clusters"])
    for cluster_id, times in ids.items():
        if times > 1:
            yield f"{cluster_id} is listed {times} times"
    all_results = (*record.collect_errors, *record.results)
    failed = {result.nodeid for result in all_results if result.outcome.has_failures}
    for cluster in document["clusters"]:
        if not Cluster.model_validate(cluster).is_seen:
            continue
        for nodeid in sorted(set(cluster["members"]) - failed):
            yield f"{cluster['id']} counts {nodeid}, which did not fail"


def _differences(first: Counter[str], second: Counter[str]) -> Iterator[tuple[str, int, int]]:
    """Each name with both of its counts, where they differ."""
    for name in sorted(first.keys() | second.keys()):
        if first[name] != second[name]:
            yield name, first[name], second[name]
