"""Clusters: are they right, do ids stay, how does the time grow; beside keys, drain3 and edit distance.

Reads the labelled failures beside the checkout where they are (`TRIAGE_DEVSET` names another folder);
without them only the generated data are measured.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

from benchmarks import clustering_peers as peers
from benchmarks.clustering_data import Labelled, devset, stream
from benchmarks.clustering_score import Score
from triage.cluster.assign import assign_failures
from triage.cluster.context import Context
from triage.cluster.groups import SlottedFailure
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure
from triage.signature.api import signatures_of

DEVSET = Path(os.environ.get("TRIAGE_DEVSET", Path(__file__).parents[2] / "shared" / "devset"))
AT = "2026-01-01T00:00:00Z"
SIZES = (10_000, 100_000, 1_000_000)
PEER_SIZE = 10_000
Method = Callable[[Sequence[Failure]], "list[Hashable] | None"]


def main() -> None:
    """Print every figure."""
    runs = devset(DEVSET)
    if runs:
        quality(runs)
        stability(runs)
    else:
        print(f"no labelled failures at {DEVSET}: quality and stability are skipped")
    scale()
    beside()


def quality(runs: dict[str, list[Labelled]]) -> None:
    """Pooled pairwise scores within runs, of every method."""
    total = sum(len(rows) for rows in runs.values())
    print(f"\nquality: {len(runs)} runs, {total} failures, pairs within a run, pooled")
    methods: dict[str, Method] = {
        "triage: signatures and evidence": clusters_of,
        "triage: signatures alone": lambda failures: [signatures_of(f)[0].id for f in failures],
        "exception + product frame": peers.by_frame,
        "masked first line": peers.by_first_line,
        "exception type": peers.by_exception,
        "test file": peers.by_file,
        "drain3": peers.by_drain,
        "edit distance (Kubernetes)": peers.by_edit_distance,
    }
    for name, method in methods.items():
        score, began = Score(), time.process_time()
        for rows in runs.values():
            found = method([row.failure for row in rows])
            if found is None:
                print(f"  {name:<34} not installed")
                break
            score.add(found, [row.label for row in rows])
        else:
            print(f"  {name:<34} {score}  {time.process_time() - began:6.2f} s")


def clusters_of(failures: Sequence[Failure], registry: ClusterRegistry | None = None) -> list[Hashable]:
    """Cluster ids as triage allots them."""
    known = registry or ClusterRegistry.of(())
    found = _assigned(_slotted(failures), known)
    return [found.cluster_of[failure.nodeid, 0] for failure in failures]


def stability(runs: dict[str, list[Labelled]]) -> None:
    """Consecutive runs, one journal: a test with the same fault keeps its id, with another it does not."""
    registry = ClusterRegistry.of(())
    before: dict[str, tuple[str, str]] = {}
    tally: Counter[str] = Counter()
    for rows in runs.values():
        found = _assigned(_slotted([row.failure for row in rows]), registry)
        registry = ClusterRegistry.of((*registry.events, *found.events))
        now = {row.failure.nodeid: (row.label, found.cluster_of[row.failure.nodeid, 0]) for row in rows}
        for nodeid in now.keys() & before.keys():
            same_fault = now[nodeid][0] == before[nodeid][0]
            kept = now[nodeid][1] == before[nodeid][1]
            tally[f"{'same' if same_fault else 'other'} fault, id {'kept' if kept else 'changed'}"] += 1
        before |= now
    labels = Score()
    pooled = [(row.failure, row.label, name) for name, rows in runs.items() for row in rows]
    fresh = ClusterRegistry.of(())
    ids: list[Hashable] = []
    for name in runs:
        own = [failure for failure, _, run in pooled if run == name]
        found = _assigned(_slotted(own), fresh)
        fresh = ClusterRegistry.of((*fresh.events, *found.events))
        ids.extend(found.cluster_of[failure.nodeid, 0] for failure in own)
    labels.add(ids, [label for _, label, _ in pooled])
    print("\nstability: the runs one after the other, one journal")
    for what, count in sorted(tally.items()):
        print(f"  {what:<34} {count}")
    print(f"  {'ids over all runs against labels':<34} {labels}; {len(set(ids))} ids, "
          f"{len({label for _, label, _ in pooled})} causes")  # fmt: skip


def scale() -> None:
    """Time and memory for growing numbers of generated failures, streamed; one core."""
    print("\nscale: generated failures, causes as frequent as 1/rank, one core")
    for size in SIZES:
        began = time.process_time()
        for _ in stream(size):
            pass
        making = time.process_time() - began
        score, labels, wall, began = Score(), [], time.perf_counter(), time.process_time()
        found = _assigned(_labels_aside(size, labels), ClusterRegistry.of(()))
        taken = time.process_time() - began - making
        score.add([found.cluster_of[f"{nodeid}", 0] for nodeid, _ in labels], [label for _, label in labels])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"  {size:>9,}: {taken:6.1f} s of CPU ({taken / size * 1e6:.0f} µs each; making them"
            f" {making:.1f} s; {time.perf_counter() - wall:.1f} s on the clock),"
            f" {len(found.cluster_of):,} placed, {len(found.clusters):,} clusters, {score}, peak {peak:,} MiB"
        )


def beside() -> None:
    """The other methods on the same generated failures."""
    seen = list(stream(PEER_SIZE))
    failures, labels = [item.failure for item, _ in seen], [label for _, label in seen]
    print(f"\nbeside: {PEER_SIZE:,} generated failures")
    methods: dict[str, Method] = {
        "triage": clusters_of, "drain3": peers.by_drain, "edit distance (Kubernetes)": peers.by_edit_distance,
        "masked first line": peers.by_first_line, "exception + product frame": peers.by_frame,
    }  # fmt: skip
    for name, method in methods.items():
        score, began = Score(), time.process_time()
        found = method(failures)
        if found is None:
            print(f"  {name:<28} not installed")
            continue
        score.add(found, labels)
        print(f"  {name:<28} {score}  {len(set(found)):>6,} clusters  {time.process_time() - began:7.2f} s")


def _assigned(seen: Iterator[SlottedFailure], registry: ClusterRegistry):  # type: ignore[no-untyped-def]  # an Assignment
    return assign_failures(
        seen,
        registry,
        signer=signatures_of,
        factory=registry.event_factory(AT, "benchmark"),
        stamp="S",
        context=Context(),
    )


def _slotted(failures: Sequence[Failure]) -> Iterator[SlottedFailure]:
    return (SlottedFailure((failure.nodeid, 0), failure) for failure in failures)


def _labels_aside(size: int, labels: list[tuple[str, int]]) -> Iterator[SlottedFailure]:
    for seen, label in stream(size):
        labels.append((seen.slot[0], label))
        yield seen


if __name__ == "__main__":
    main()
