"""`triage explain` in a run with 20,000 failures: it reads what was stored and clusters nothing."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.clustering_data import stream
from triage.campaign.stored_signatures import write_signatures
from triage.cli.context import App
from triage.cli.wiring import services
from triage.cluster.assign import Assignment, assign_failures
from triage.cluster.context import Context
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.signature.api import signatures_of

FAILURES = 20_000
STAMP = "20260101T000000Z"
AT = "2026-01-01T00:00:00Z"
_REPEATS = 3


def main() -> None:
    """Print how long the command takes, its start included."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        assignment = _assigned()
        _store(root, assignment)
        largest = max(assignment.clusters, key=lambda cluster: len(cluster.members))
        smallest = min(assignment.clusters, key=lambda cluster: len(cluster.members))
        print(f"{FAILURES:,} failures in {len(assignment.clusters):,} clusters")
        print(f"  triage --version             {_fastest(root, '--version')}")
        for cluster in (largest, smallest):
            taken = _fastest(root, "explain", cluster.id)
            print(f"  explain, {len(cluster.members):>6,} tests        {taken}")


def _assigned() -> Assignment:
    registry = ClusterRegistry.of(())
    return assign_failures(
        (slotted for slotted, _ in stream(FAILURES)),
        registry,
        signer=signatures_of,
        factory=registry.event_factory(AT, "benchmark"),
        stamp=STAMP,
        context=Context(),
    )


def _store(root: Path, assignment: Assignment) -> None:
    """What a run leaves that `explain` reads."""
    folder = EvidenceFolder.create(root, "bench", "a", STAMP)
    write_signatures(folder, assignment)
    document = {"stamp": STAMP, "in_journal": True, "clusters": assignment.clusters}
    folder.write_json("clusters.json", document)
    folder.seal()
    services(App(str(root))).journal.append(assignment.events)


class _Taken(NamedTuple):
    """Seconds of the fastest of some calls; those of the processor hold on a busy machine too."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.2f} s, {self.processor:.2f} s of CPU"


def _fastest(root: Path, *arguments: str) -> _Taken:
    taken = []
    for _ in range(_REPEATS):
        began, before = time.perf_counter(), _processor_seconds()
        subprocess.run(
            [sys.executable, "-m", "triage", *arguments], cwd=root, capture_output=True, check=True
        )
        taken.append(_Taken(time.perf_counter() - began, _processor_seconds() - before))
    return min(taken, key=lambda each: each.processor)


def _processor_seconds() -> float:
    """Of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
