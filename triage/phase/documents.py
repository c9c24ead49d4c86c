"""`summary.json` and `summary.md` of a run, from what the run recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.run import RunRecord
from triage.phase.rendering import write_document
from triage.report.summary import summarize


def write_run_summary(
    root: Path, folder: EvidenceFolder, templates: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write both from `results.json`, `clusters.json` and `failures.json`; returns the figures."""
    summary = summary_of(folder.path)
    path = folder.write_json("summary.json", summary)
    write_document(root, folder.path / "summary.md", "summary.md.j2", {"run": path}, templates)
    return summary


def summary_of(folder: Path) -> dict[str, Any]:
    """The figures of a run, computed from its record. Raises `VoidError` where that is damaged."""
    try:
        record = RunRecord.model_validate(_read(folder / "results.json"))
        clusters = [Cluster.model_validate(item) for item in _read(folder / "clusters.json")["clusters"]]
        failures = _read(folder / "failures.json")["failures"]
        return summarize(record, clusters, failures)
    except (ValidationError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise VoidError(
            "bad-evidence", f"{folder}: {reason}", "`triage check` tells what was changed"
        ) from error


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())
