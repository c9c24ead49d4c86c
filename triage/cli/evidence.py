"""What recorded runs know of single tests: their failures and signatures."""

from __future__ import annotations

from collections import defaultdict

from triage.cli.context import App
from triage.cli.lookup import read_failures
from triage.evidence.folder import EvidenceFolder

_RUNS = 20


def signatures_by_test(app: App, runs: int = _RUNS) -> dict[str, set[str]]:
    """Node id to every signature that it had in the latest runs."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in EvidenceFolder.all(app.root, phase="a")[-runs:]:
        for row in read_failures(folder.path):
            found[row["nodeid"]].update(row.get("signatures") or [row["signature"]])
    return dict(found)
