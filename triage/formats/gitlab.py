"""Write GitLab code quality: a finding for each failing test and cluster, with unique fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from triage.formats.reported_run import ReportedCause, ReportedRun, json_text
from triage.formats.rows import NO_CAUSES, Row, rows
from triage.model.outcome import Outcome
from triage.text.markup import visible


def render_gitlab(run: ReportedRun) -> str:
    """The document as text."""
    return json_text(code_quality(run.summary, run.prefix, run.causes))


def code_quality(
    summary: Mapping[str, Any], prefix: str = "", causes: Mapping[str, ReportedCause] = NO_CAUSES
) -> list[dict[str, Any]]:
    """Make the JSON array that `artifacts:reports:codequality` takes."""
    findings = [_finding(row) for row in rows(summary, prefix, causes)]
    if summary["verdict"] == "void":
        findings.insert(0, _void(summary))
    return findings


def _void(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A list without findings would be taken for green."""
    reason = summary["void"] or "the run is incomplete"
    return {
        "description": visible(f"the run is void: {reason}")[:1000],
        "check_name": "triage",
        "fingerprint": sha256(f"void {summary['campaign']}".encode()).hexdigest(),
        "severity": "blocker",
        "location": {"path": ".", "lines": {"begin": 1}},
    }


def _finding(row: Row) -> dict[str, Any]:
    return {
        "description": visible(row.said.replace("\n", "; "))[:1000],
        "check_name": row.cluster or "unclustered",
        "fingerprint": row.fingerprint,
        "severity": _severity(row),
        "location": {"path": visible(row.path), "lines": {"begin": row.line}},
    }


def _severity(row: Row) -> str:
    """Chance is for information; what is known, minor; what is new, major, and critical where it died."""
    if row.level == "known":
        return "info" if Outcome(row.outcome).is_flaky else "minor"
    return "major" if Outcome(row.outcome).finished else "critical"
