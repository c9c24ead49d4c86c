"""Cluster generated failures in a process of its own, which `benchmarks.whole` measures.

`python -m benchmarks.whole_clusters COUNT [--only-make]`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.clustering_data import stream
from triage.cluster.assign import assign_failures
from triage.cluster.context import Context
from triage.cluster.groups import SlottedFailure
from triage.cluster.registry import ClusterRegistry
from triage.signature.api import signatures_of

_AT = "2026-01-01T00:00:00Z"


def main(count: int, *, only_make: bool) -> None:
    """Cluster `count` failures, or only make them, whose cost is no cost of clustering."""
    if only_make:
        for _ in stream(count):
            pass
        return
    registry = ClusterRegistry.of(())
    assign_failures(
        _failures(count),
        registry,
        signer=signatures_of,
        factory=registry.event_factory(_AT, "benchmark"),
        stamp="S",
        context=Context(),
    )


def _failures(count: int) -> Iterator[SlottedFailure]:
    for seen, _ in stream(count):
        yield seen


if __name__ == "__main__":
    main(int(sys.argv[1]), only_make="--only-make" in sys.argv[2:])
