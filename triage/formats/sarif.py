"""Write SARIF 2.1.0: a rule a cluster, a result a failing test, what is new as `baselineState`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from triage.formats.reported_run import (
    UNKNOWN_SOURCE,
    ReportedCause,
    ReportedRun,
    RunSource,
    json_text,
)
from triage.formats.rows import NO_CAUSES, Row, rows
from triage.model.nodeid import file_of
from triage.text.markup import visible

RESULTS = 5000
"""GitHub keeps no more of one run."""
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BASELINE_STATES = {
    "new": "new", "regressed": "new", "expired": "unchanged", "known": "unchanged", "unknown": "new"
}  # fmt: skip
_UNCLUSTERED = "unclustered"
_TEXT_CHARS = 1000
"""Of a rule's description, which viewers show in a list."""


def render_sarif(run: ReportedRun) -> str:
    """The document as text."""
    return json_text(sarif(run.summary, run.version, run.prefix, run.causes, run.source))


def sarif(
    summary: Mapping[str, Any],
    version: str,
    prefix: str = "",
    causes: Mapping[str, ReportedCause] = NO_CAUSES,
    source: RunSource = UNKNOWN_SOURCE,
) -> dict[str, Any]:
    """Make the log of one run; what does not fit is counted in a notification, not dropped in silence."""
    found = rows(summary, prefix, causes)
    states = ("new", "known", "flaky", "regressed", "fixed")
    clusters = [cluster for cluster in summary["clusters"] if cluster["state"] in states]
    ids = [cluster["id"] for cluster in clusters]
    if any(row.cluster is None or row.cluster not in ids for row in found):
        ids.append(_UNCLUSTERED)
    failing = [_result(row, ids) for row in found]
    fixed = [_absent(cluster, ids, prefix) for cluster in clusters if cluster["state"] == "fixed"]
    results = [*failing, *fixed][:RESULTS]
    driver = {"name": "triage", "semanticVersion": version, "rules": _rules(clusters, ids)}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"triage/{summary['campaign']}/{summary['stamp']}"},
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the top of the repository"}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(summary, left_out=max(0, len(found) - RESULTS))],
        "results": results,
        "properties": {"commit": summary["commit"], "dirty": summary["dirty"]},
    }
    provenance = _provenance(summary, source)
    if provenance is not None:
        run["versionControlProvenance"] = [provenance]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _provenance(summary: Mapping[str, Any], source: RunSource) -> dict[str, Any] | None:
    """Which commit of which repository was run; SARIF wants the address of the repository with it."""
    if source.repository is None or not summary["commit"]:
        return None
    provenance = {
        "repositoryUri": source.repository,
        "revisionId": summary["commit"],
        "mappedTo": {"uriBaseId": "SRCROOT"},
    }
    return provenance if source.branch is None else {**provenance, "branch": source.branch}


def _rules(clusters: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[dict[str, Any]]:
    titles = {cluster["id"]: cluster["title"] for cluster in clusters}
    return [
        {
            "id": name,
            "shortDescription": {
                "text": visible(titles.get(name) or "failures without a cluster")[:_TEXT_CHARS]
            },
            "help": {"text": f"triage explain {name}" if name in titles else "triage clusters"},
        }
        for name in ids
    ]


def _result(row: Row, ids: Sequence[str]) -> dict[str, Any]:
    rule = row.cluster if row.cluster in ids else _UNCLUSTERED
    result = {
        "ruleId": rule,
        "ruleIndex": ids.index(str(rule)),
        "level": "warning" if row.level == "known" else "error",
        "message": {"text": visible(row.said, keep="\n")},
        "locations": [_location(row.path, row.line)],
        "partialFingerprints": {
            "triageTestAndCluster/v1": row.fingerprint,
            # GitHub makes a hash of the line's text where there is none, and an alert per edit of the line
            "primaryLocationLineHash": f"{row.fingerprint[:16]}:1",
        },
        "baselineState": _BASELINE_STATES[row.level],
        "properties": _properties(row),
    }
    if row.test_path and row.test_path != row.path:
        test = {**_location(row.test_path, 1), "id": 1, "message": {"text": visible(row.nodeid)}}
        result["relatedLocations"] = [test]
    return result


def _properties(row: Row) -> dict[str, Any]:
    """What SARIF has no field for. A quarantine is no `suppression`: viewers hide what is suppressed."""
    properties: dict[str, Any] = {"outcome": row.outcome, "state": row.state}
    if row.quarantine is not None:
        properties["quarantine"] = {
            name: row.quarantine[name] for name in ("until", "owner", "reason", "expired")
        }
    return properties


def _absent(cluster: Mapping[str, Any], ids: Sequence[str], prefix: str) -> dict[str, Any]:
    """A known cluster that is gone."""
    member = cluster["members"][0] if cluster["members"] else ""
    file = file_of(member)
    return {
        "ruleId": cluster["id"],
        "ruleIndex": ids.index(cluster["id"]),
        "kind": "pass",
        "level": "none",
        "message": {"text": visible(f"{cluster['id']} is fixed: {cluster['title']}")},
        "locations": [_location(f"{prefix}/{file}" if prefix else file, 1)] if file else [],
        "baselineState": "absent",
    }


def _location(path: str, line: int) -> dict[str, Any]:
    uri = quote(path.encode("utf-8", "backslashreplace"), safe="/._-~")
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "SRCROOT"},
            "region": {"startLine": line},
        }
    }


def _invocation(summary: Mapping[str, Any], left_out: int) -> dict[str, Any]:
    notes = list(summary["notes"])
    if summary["verdict"] == "void":
        notes.insert(0, f"void: {summary['void'] or 'the run is incomplete'}")
    if left_out:
        notes.append(f"{left_out} results are left out: they are in results.json")
    return {
        "executionSuccessful": summary["verdict"] != "void",
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": visible(note, keep="\n")}} for note in notes
        ],
    }
