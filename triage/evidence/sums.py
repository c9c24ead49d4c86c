"""Sums of a recorded run: every planned test once, counts that add up, failures that all have a home."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.model.outcome import Outcome
from triage.model.run import RunRecord

PREFLIGHT = "preflight.json"
RESULTS, SUMMARY, CLUSTERS, FAILURES = "results.json", "summary.json", "clusters.json", "failures.json"


_PLAIN = frozenset({"passed", "failed", "error", "skipped", "xfailed", "xpassed"})
"""Outcomes that pytest itself gives; deaths are told by the parent process."""


def check_sums(folder: Path) -> Iterator[tuple[str, str]]:
    """(file name, problem) for everything in a run's folder that does not add up."""
    if not any((folder / name).is_file() for name in (RESULTS, FAILURES, CLUSTERS)):
        return
    try:
        record = RunRecord.model_validate_json((folder / RESULTS).read_bytes())
    except FileNotFoundError:
        yield RESULTS, "is missing"
        return
    except (ValidationError, OSError) as error:
        yield RESULTS, f"cannot be read: {str(error).splitlines()[0]}"
        return
    yield from ((RESULTS, problem) for problem in _record(record))
    yield from _against(folder / SUMMARY, record, _summary)
    if (folder / PREFLIGHT).is_file():
        yield from _against(folder / PREFLIGHT, record, _preflight)
    for path in sorted(folder.glob("chunks/*/report.json")):
        for name, problem in _against(path, record, _chunk_report):
            yield f"chunks/{path.parent.name}/{name}", problem
    yield from _against(folder / FAILURES, record, _failures)
    yield from _against(folder / CLUSTERS, record, _clusters)


def _against(path: Path, record: RunRecord, compare: Any) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(path.read_bytes())
        yield from ((path.name, problem) for problem in compare(document, record))
    except FileNotFoundError:
        yield path.name, "is missing"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        yield path.name, f"cannot be read: {type(error).__name__}: {error}"


def _record(record: RunRecord) -> Iterator[str]:
    """Each planned test has one outcome; a suite may hold the same node id more than once."""
    if record.plan is not None:
        planned = Counter(nodeid for chunk in record.plan.chunks for nodeid in chunk.nodeids)
        seen = Counter(result.nodeid for result in record.results)
        for nodeid in sorted(planned.keys() | seen.keys()):
            if planned[nodeid] != seen[nodeid]:
                yield f"{nodeid} was planned {planned[nodeid]} times and has {seen[nodeid]} outcomes"
    if record.complete and record.counts.not_run:
        yield f"it says complete, and {record.counts.not_run} tests have not run"


def _summary(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    counts = document["counts"]
    total = sum(int(counts[outcome.value]) for outcome in Outcome)
    if total != counts["collected"]:
        yield f"its outcomes add up to {total}, and it says that {counts['collected']} tests were collected"
    for name, number in record.counts.model_dump().items():
        if counts[name] != number:
            yield f"it says {counts[name]} {name}, and {RESULTS} holds {number}"


def _preflight(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """What was collected has an outcome, unless this machine ran a shard of it."""
    if record.plan is None or record.plan.shard is not None:
        return
    collected = Counter(document["nodeids"])
    seen = Counter(result.nodeid for result in record.results)
    for nodeid in sorted(collected.keys() | seen.keys()):
        if collected[nodeid] != seen[nodeid]:
            yield f"{nodeid} was collected {collected[nodeid]} times and has {seen[nodeid]} outcomes"


def _chunk_report(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """A chunk's own report and the record of the run cannot tell two stories of one test."""
    times = Counter(result.nodeid for result in record.results)
    recorded = {r.nodeid: r.outcome.value for r in record.results if times[r.nodeid] == 1}
    for test in document["tests"]:
        ours, theirs = recorded.get(test["nodeid"]), test["outcome"]
        if ours in _PLAIN and theirs in _PLAIN and ours != theirs:
            yield f"{test['nodeid']} is {theirs} here, and {ours} in {RESULTS}"


def _failures(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    rows = Counter(row["nodeid"] for row in document["failures"])
    recorded = Counter(failure.nodeid for failure in record.failures)
    for nodeid in sorted(rows.keys() | recorded.keys()):
        if rows[nodeid] != recorded[nodeid]:
            yield f"it lists {rows[nodeid]} failures of {nodeid}, and {RESULTS} holds {recorded[nodeid]}"


def _clusters(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    ids = Counter(cluster["id"] for cluster in document["clusters"])
    yield from (f"{cluster} is listed {times} times" for cluster, times in ids.items() if times > 1)
    red = {r.nodeid for r in (*record.collect_errors, *record.results) if r.outcome.is_red}
    for cluster in document["clusters"]:
        if cluster["state_in_run"] in ("new", "known", "regressed"):
            strangers = sorted(set(cluster["members"]) - red)
            yield from (f"{cluster['id']} counts {nodeid}, which did not fail" for nodeid in strangers)
