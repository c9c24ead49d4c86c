"""Check what a run's folder says of its clusters: their failures, and what the gate holds against the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from triage.evidence.packed import read_record_bytes
from triage.model.cluster import Cluster

CLUSTERS = "clusters.json"
FAILURES = "failures.json"
GATE = "gate.json"


def check_gate(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything that does not follow from the clusters."""
    try:
        document = json.loads(read_record_bytes(folder / CLUSTERS))
        clusters = {row["id"]: Cluster.model_validate(row) for row in document["clusters"]}
        failures = json.loads(read_record_bytes(folder / FAILURES))["failures"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # a problem of those files
    for problem in _problems_of_failures(failures, clusters):
        yield FAILURES, problem
    gate = _read(folder / GATE)
    if gate is not None:
        for problem in _problems_of_gate(gate, clusters):
            yield GATE, problem
    elif "in_journal" in document:  # older runs have no such file
        yield GATE, "is missing or cannot be read"


def _problems_of_failures(failures: list[dict[str, Any]], clusters: dict[str, Cluster]) -> Iterator[str]:
    """A failure is of a cluster that has its test."""
    for row in failures:
        named = row.get("cluster")
        if named is None:
            continue
        cluster = clusters.get(named)
        if cluster is None:
            yield f"a failure of {row['nodeid']} is of {named}, which {CLUSTERS} does not list"
        elif cluster.is_seen and row["nodeid"] not in cluster.members:
            yield f"a failure of {row['nodeid']} is of {named}, which does not count it in {CLUSTERS}"


def _problems_of_gate(gate: dict[str, Any], clusters: dict[str, Cluster]) -> Iterator[str]:
    """What no policy excuses is held against the run, and what is held against it is a cluster of it."""
    held = {str(line).partition(" ")[0] for line in gate.get("held_against", ())}
    for cluster in clusters.values():
        if cluster.is_unexplained and cluster.quarantine is None and cluster.id not in held:
            yield f"{cluster.id} is not held against the run, and it is {cluster.state_in_run} in {CLUSTERS}"
    for name in sorted(held - clusters.keys()):
        yield f"it holds {name} against the run, which {CLUSTERS} does not list"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
