"""Compute `summary.json` from what a run recorded, and render `summary.md`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from triage.documents.render import write_document
from triage.documents.shown_cluster import place_text, places_of, state_in_words, telling_failure
from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.evidence.record_rows import read_rows, read_run_record
from triage.model.base import STAMP_FORMAT, Value
from triage.model.base_commit import BaseVerdict
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure, Frame
from triage.model.outcome import Outcome
from triage.model.quarantine import Quarantine
from triage.model.run import Attempt, Chunk, RunRecord, TestResult

VERSION = 9
"""Rises with every change of what is computed here: a summary of another version is not computed again."""
CAUSES = "causes.json"
"""What was known of the clusters' causes when the run was concluded."""
SLOWEST = 10
"""As many as a person reads; the durations of all are in `results.json`."""
_GATE = ("held_against", "warnings", "quarantined")
"""What the summary has of `gate.json`."""
FLAKY = 30
"""As many as a person reads; `triage flaky` has all."""
MESSAGE_CHARS = 400
"""Of a failure's first line, which is a cell of a table; the whole is in `failures.json`."""


def summarize(
    record: RunRecord,
    clusters: Sequence[Cluster],
    failures: Iterable[Mapping[str, Any]],
    *,
    gate: Mapping[str, Any] | None = None,
    flaky: Sequence[Mapping[str, Any]] = (),
    following: Mapping[str, str] | None = None,
    causes: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Compute the summary of one run.

    `clusters` are as the run left them; `failures` are rows with `nodeid` and `cluster`, one a failure;
    `gate` is what the gate said; `flaky` are the figures of tests by failure rate; `following` is the command
    that takes a cluster on, None in a run of an older version, which did not say; `causes` is what was known
    of the clusters' causes when the run was concluded.
    """
    day = datetime.strptime(record.stamp, STAMP_FORMAT).replace(tzinfo=UTC).date()
    clusters_of: dict[str, list[str]] = {}
    quarantines: dict[str, Any] = {}
    failures = list(failures)
    shown = _telling_failures(record, failures)
    cause_of = {cause["cluster"]: cause for cause in causes}
    for row in failures:
        if row.get("cluster"):
            clusters_of.setdefault(row["nodeid"], []).append(row["cluster"])
        quarantines[row["nodeid"]] = _shown_quarantine(row.get("quarantine"), day)
    by_number = sorted(clusters, key=lambda cluster: cluster.number)
    plan = record.plan
    chunks = plan.chunks if plan else ()
    red = [result for result in (*record.collect_errors, *record.results) if result.outcome.has_failures]
    counts = record.counts
    outcomes = {result.nodeid: result.outcome.value for result in record.results}
    return {
        "v": VERSION,
        "stamp": record.stamp,
        "campaign": record.campaign,
        "complete": record.complete,
        "void": record.void,
        "verdict": _verdict(record, clusters, red, gate),
        "counts": counts.model_dump(mode="json"),
        "with_outcome": counts.collected - counts.not_run,
        "seconds": round(record.seconds, 3),
        "commit": record.commit,
        "subject": record.subject,
        "dirty": record.dirty,
        "shard": plan.shard if plan else None,
        "durations_from": plan.durations_from if plan else None,
        "limits": plan.limits.model_dump(mode="json") if plan else None,
        "failed_of": _failed_of(record),
        "clusters": [
            {**_cluster(cluster, day, following), **_reason(cluster, shown.get(cluster.id), cause_of)}
            for cluster in by_number
        ],
        "gate": {name: list(gate.get(name, ())) for name in _GATE} if gate else None,
        "red": [
            _red(result, clusters_of.get(result.nodeid, []), quarantines.get(result.nodeid)) for result in red
        ],
        "flaky": list(flaky[:FLAKY]),
        "not_run": [result.nodeid for result in record.results if result.outcome is Outcome.NOT_RUN],
        "chunks": [_chunk(chunk, record, outcomes) for chunk in chunks],
        "slowest": _slowest(record.results),
        "base": _base(record, red),
        "notes": list(record.notes),
        "hints": list(record.hints),
    }


def _base(record: RunRecord, red: Sequence[TestResult]) -> dict[str, Any] | None:
    """The base of the run, and how many failing tests have which verdict; None where there was none."""
    if record.base is None:
        return None
    tally = Counter(result.base.verdict for result in red if result.base is not None)
    return {
        **record.base.model_dump(mode="json"),
        "verdicts": {verdict.value: tally[verdict] for verdict in BaseVerdict if tally[verdict]},
    }


def _verdict(
    record: RunRecord,
    clusters: Sequence[Cluster],
    red: Sequence[TestResult],
    gate: Mapping[str, Any] | None,
) -> str:
    """void: nothing can be concluded; red: the gate fails; known: only what it lets pass; flaky: and all of
    that is chance; green.
    """
    if record.void is not None or not record.complete:
        return "void"
    if gate is not None:
        fails = bool(gate["held_against"])
    else:  # a run of an older version
        fails = any(cluster.is_unexplained for cluster in clusters)
    if fails:
        return "red"
    if not red:
        return "green"
    seen = [cluster for cluster in clusters if cluster.is_seen]
    return "flaky" if all(cluster.state_in_run is RunState.FLAKY for cluster in seen) else "known"


def _shown_quarantine(found: Any, day: date) -> dict[str, Any] | None:
    """A quarantine with whether it had ended on the day of the run."""
    return Quarantine.model_validate(found).as_shown(day) if found is not None else None


def _failed_of(record: RunRecord) -> dict[str, Any] | None:
    """The run whose red tests alone were executed, and how many tests that one had; None for a whole run."""
    failed = record.plan.failed if record.plan is not None else None
    return {"stamp": failed.stamp, "tests": failed.tests} if failed is not None else None


def _telling_failures(record: RunRecord, rows: Sequence[Mapping[str, Any]]) -> dict[str, Failure]:
    """By cluster the failure that stands for the others; `rows` are in the order of the record's failures."""
    by_cluster: dict[str, list[Failure]] = {}
    for failure, row in zip(record.failures, rows, strict=False):
        if row.get("cluster"):
            by_cluster.setdefault(row["cluster"], []).append(failure)
    found = {}
    for cluster, failures in by_cluster.items():
        telling = telling_failure(failures)
        if telling is not None:
            found[cluster] = telling
    return found


def _place(frame: Frame | None) -> dict[str, Any] | None:
    """A line of the suite's own files, for a link; None where it lies elsewhere."""
    if frame is None or frame.path.startswith(("/", "..", "<")):
        return None
    return {
        "path": frame.path,
        "line": frame.lineno,
        "text": place_text(frame),
        "code": _first_line(frame.code or ""),
    }


def _reason(
    cluster: Cluster, failure: Failure | None, cause_of: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The lines that a cluster's failure came through, and what is known of its cause."""
    places = places_of(failure if cluster.is_seen else None)
    cause = cause_of.get(cluster.id)
    return {
        "statement": _place(places.statement),
        "caller": _place(places.caller),
        "cause": dict(cause) if cause is not None else None,
    }


def _cluster(cluster: Cluster, day: date, following: Mapping[str, str] | None) -> dict[str, Any]:
    state = cluster.state_in_run
    seen = cluster.is_seen
    if following is None:
        command = f"triage probe {cluster.id}" if seen else None
    else:
        command = following.get(cluster.id)
    return {
        "id": cluster.id,
        "title": cluster.title,
        "status": cluster.status.value,
        "state": state.value if state else None,
        "said": state_in_words(cluster, day),
        "base": cluster.base.value if cluster.base else None,
        "owner": cluster.owner,
        "quarantine": _shown_quarantine(cluster.quarantine, day),
        "failing": len(cluster.members) if seen else 0,
        "members": list(cluster.members),
        "signatures": list(cluster.signatures),
        "why": [why.model_dump(mode="json") for why in cluster.why],
        "first_seen": cluster.first_seen,
        "last_seen": cluster.last_seen,
        "next": command,
    }


def _red(result: TestResult, clusters: Sequence[str], quarantine: Any) -> dict[str, Any]:
    first = result.failures[0] if result.failures else None
    place = first.place if first else None
    message = first.message if first else result.note or result.signal or ""
    return {
        "nodeid": result.nodeid,
        "outcome": result.outcome.value,
        "clusters": list(dict.fromkeys(clusters)),
        "chunk": result.chunk,
        "attempt": result.attempt,
        "duration": result.duration,
        "failures": len(result.failures),
        "reruns": result.reruns.model_dump(mode="json") if result.reruns else None,
        "quarantine": quarantine,
        "phase": first.phase.value if first else None,
        "exception": first.exception if first else "",
        "message": _first_line(message),
        "place": {"path": place.path, "line": place.lineno} if place else None,
        "base": result.base.model_dump(mode="json") if result.base else None,
    }


def _chunk(chunk: Chunk, record: RunRecord, outcomes: Mapping[str, str]) -> dict[str, Any]:
    attempts = [attempt for attempt in record.attempts if attempt.chunk == chunk.name]
    tally = Counter(outcomes.get(nodeid, Outcome.NOT_RUN.value) for nodeid in chunk.nodeids)
    return {
        "name": chunk.name,
        "tests": len(chunk.nodeids),
        "expected_seconds": chunk.expected_seconds,
        "seconds": round(sum(attempt.seconds for attempt in attempts), 3),
        "outcomes": dict(sorted(tally.items())),
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return attempt.model_dump(
        mode="json", include={"number", "ended", "exit_code", "signal", "culprit", "note"}
    )


def _slowest(results: Sequence[TestResult]) -> list[dict[str, Any]]:
    timed = [(result.duration, result.nodeid) for result in results if result.duration is not None]
    longest = sorted(timed, key=lambda pair: (-pair[0], pair[1]))[:SLOWEST]
    return [{"nodeid": nodeid, "seconds": round(duration, 3)} for duration, nodeid in longest]


def _first_line(message: str) -> str:
    first = message.strip().partition("\n")[0]
    if len(first) <= MESSAGE_CHARS:
        return first
    return f"{first[:MESSAGE_CHARS]} …"


def write_run_summary(
    root: Path,
    folder: EvidenceFolder,
    templates: Mapping[str, str] | None = None,
    *,
    suite: Path | None = None,
) -> dict[str, Any]:
    """Write both documents from `results.json`, `clusters.json` and `failures.json`; returns the figures.

    `suite` is the suite's root; None where the evidence lies beneath it.
    """
    summary = summary_of(folder.path)
    path = folder.write_json("summary.json", summary)
    write_document(root, folder.path / "summary.md", "summary.md.j2", {"run": path}, templates, suite=suite)
    return summary


def summary_of(folder: Path, record: RunRecord | None = None) -> dict[str, Any]:
    """Compute the figures of a run from its folder. Raises `VoidError` where that is damaged.

    `record` is what `results.json` there holds, where the caller has read it already.
    """
    try:
        if record is None:
            record = read_run_record(folder / "results.json", with_texts=False)
        document = _read(folder / "clusters.json")
        clusters = [Cluster.model_validate(item) for item in document["clusters"]]
        failures = read_rows(folder / "failures.json", "failures", _FailureRow)
        return summarize(
            record,
            clusters,
            [row.model_dump() for row in failures],
            gate=_read_if_there(folder / "gate.json"),
            flaky=(_read_if_there(folder / "flaky.json") or {}).get("tests", ()),
            following=document.get("next"),
            causes=(_read_if_there(folder / CAUSES) or {}).get("causes", ()),
        )
    except (ValidationError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise VoidError(
            "bad-evidence", f"{folder}: {reason}", "`triage check` tells what was changed"
        ) from error


class _FailureRow(Value):
    """What a summary needs of a row of `failures.json`, which holds the whole failure."""

    model_config = ConfigDict(extra="ignore")

    nodeid: str
    cluster: str | None = None
    quarantine: Any = None


def _read_if_there(path: Path) -> Any:
    """Older runs have neither `gate.json` nor `flaky.json` nor `causes.json`."""
    return _read(path) if path.is_file() else None


def _read(path: Path) -> Any:
    return json.loads(read_record_bytes(path))
