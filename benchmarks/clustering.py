"""Clusters: are they right, do ids stay, how does the time grow; beside keys, drain3 and edit distance.

Reads the labelled failures beside the checkout where they are (`TRIAGE_DEVSET` names another folder);
without them only the generated data are measured.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks import clustering_peers as peers
from benchmarks.clustering_data import LabelledFailure, devset, stream
from benchmarks.clustering_score import Score
from triage.cluster.assign import Assignment, assign_failures
from triage.cluster.context import Context
from triage.cluster.groups import SlottedFailure
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure
from triage.signature.api import signatures_of

DEVSET = Path(os.environ.get("TRIAGE_DEVSET", Path(__file__).parents[2] / "shared" / "devset"))
AT = "2026-01-01T00:00:00Z"
"""When everything is decided: a fixed time, so that each run of the benchmark does the same."""
SIZES = (10_000, 100_000, 1_000_000)
PEER_SIZE = 10_000
"""Edit distance grows with the square of the number of failures: more would take hours."""

Runs = dict[str, list[LabelledFailure]]
"""The labelled failures of each run, by its name."""


class Method(NamedTuple):
    """A way to tell which failures belong together."""

    name: str
    clusters_of: Callable[[Sequence[Failure]], list[Hashable] | None]
    """One cluster a failure, in their order; None where the method is not installed."""


def main(arguments: list[str]) -> int:
    """Print every figure; with `--projects` those of real bugs in real projects instead."""
    if arguments[:1] == ["--projects"]:
        from benchmarks.projects.command import main as on_projects

        return on_projects(arguments[1:])
    runs = devset(DEVSET)
    if runs:
        print_quality(runs)
        print_stability(runs)
    else:
        print(f"no labelled failures at {DEVSET}: quality and stability are skipped")
    print_scale()
    print_peers()
    return 0


def clusters_of(failures: Sequence[Failure]) -> list[Hashable]:
    """Cluster ids as triage allots them in a first run."""
    found = _assigned(_slotted(failures), ClusterRegistry.of(()))
    return [found.cluster_of[failure.nodeid, 0] for failure in failures]


def _signatures_alone(failures: Sequence[Failure]) -> list[Hashable]:
    return [signatures_of(failure)[0].id for failure in failures]


FRAME = Method("exception + product frame", peers.by_frame)
FIRST_LINE = Method("masked first line", peers.by_first_line)
DRAIN = Method("drain3", peers.by_drain)
EDIT_DISTANCE = Method("edit distance (Kubernetes)", peers.by_edit_distance)
OF_LABELLED = (
    Method("triage: signatures and evidence", clusters_of),
    Method("triage: signatures alone", _signatures_alone),
    FRAME,
    FIRST_LINE,
    Method("exception type", peers.by_exception),
    Method("test file", peers.by_file),
    DRAIN,
    EDIT_DISTANCE,
)
OF_GENERATED = (Method("triage", clusters_of), DRAIN, EDIT_DISTANCE, FIRST_LINE, FRAME)


def print_quality(runs: Runs) -> None:
    """Pooled pairwise scores within runs, of every method."""
    total = sum(len(rows) for rows in runs.values())
    print(f"\nquality: {len(runs)} runs, {total} failures, pairs within a run, pooled")
    for method in OF_LABELLED:
        began = time.process_time()
        score = _pooled_score(method, runs)
        seconds = time.process_time() - began
        said = f"{score}  {seconds:6.2f} s" if score is not None else "not installed"
        print(f"  {method.name:<34} {said}")


def _pooled_score(method: Method, runs: Runs) -> Score | None:
    score = Score()
    for rows in runs.values():
        found = method.clusters_of([row.failure for row in rows])
        if found is None:
            return None
        score.add(found, [row.label for row in rows])
    return score


class _Placed(NamedTuple):
    """A failing test of one run: the cause that people found, and the cluster that it is in."""

    label: str
    cluster: str


@dataclass
class _Campaign:
    """Runs one after the other with one journal."""

    registry: ClusterRegistry = field(default_factory=lambda: ClusterRegistry.of(()))

    def run(self, rows: Sequence[LabelledFailure]) -> dict[str, _Placed]:
        """Node ids of one more run, each with its place."""
        found = _assigned(_slotted([row.failure for row in rows]), self.registry)
        self.registry = ClusterRegistry.of((*self.registry.events, *found.events))
        placed = {}
        for row in rows:
            nodeid = row.failure.nodeid
            placed[nodeid] = _Placed(row.label, found.cluster_of[nodeid, 0])
        return placed


def print_stability(runs: Runs) -> None:
    """Consecutive runs, one journal: a test with the same fault keeps its id, with another it does not."""
    campaign = _Campaign()
    latest: dict[str, _Placed] = {}
    tally: Counter[str] = Counter()
    ids: list[str] = []
    labels: list[str] = []
    for rows in runs.values():
        placed = campaign.run(rows)
        for nodeid in placed.keys() & latest.keys():
            before, now = latest[nodeid], placed[nodeid]
            fault = "same" if now.label == before.label else "other"
            cluster = "kept" if now.cluster == before.cluster else "changed"
            tally[f"{fault} fault, id {cluster}"] += 1
        latest |= placed
        for row in rows:
            ids.append(placed[row.failure.nodeid].cluster)
            labels.append(row.label)

    score = Score()
    score.add(ids, labels)
    print("\nstability: the runs one after the other, one journal")
    for what, count in sorted(tally.items()):
        print(f"  {what:<34} {count}")
    ids_and_causes = f"{len(set(ids))} ids, {len(set(labels))} causes"
    print(f"  {'ids over all runs against labels':<34} {score}; {ids_and_causes}")


def print_scale() -> None:
    """Time and memory for growing numbers of generated failures, streamed; one core."""
    print("\nscale: generated failures, causes as frequent as 1/rank, one core")
    for size in SIZES:
        making = _seconds_to_make(size)
        labels: dict[str, int] = {}
        wall, processor = time.perf_counter(), time.process_time()
        found = _assigned(_noting_labels(stream(size), labels), ClusterRegistry.of(()))
        wall_seconds = time.perf_counter() - wall
        seconds = time.process_time() - processor - making

        score = Score()
        score.add([found.cluster_of[nodeid, 0] for nodeid in labels], list(labels.values()))
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        each = seconds / size * 1e6
        print(
            f"  {size:>9,}: {seconds:6.1f} s of CPU ({each:.0f} µs each; making them"
            f" {making:.1f} s; {wall_seconds:.1f} s on the clock),"
            f" {len(found.cluster_of):,} placed, {len(found.clusters):,} clusters, {score},"
            f" peak {peak_mib:,} MiB"
        )


def _seconds_to_make(size: int) -> float:
    """Processor time of the generator alone: it is taken off what clustering a stream took."""
    began = time.process_time()
    for _ in stream(size):
        pass
    return time.process_time() - began


def _noting_labels(
    labelled: Iterable[tuple[SlottedFailure, int]], labels: dict[str, int]
) -> Iterator[SlottedFailure]:
    """The failures of a stream; node ids and labels go into the dictionary on the way."""
    for seen, label in labelled:
        labels[seen.slot[0]] = label
        yield seen


def print_peers() -> None:
    """The other methods on the same generated failures."""
    generated = list(stream(PEER_SIZE))
    failures = [seen.failure for seen, _ in generated]
    labels = [label for _, label in generated]
    print(f"\nbeside: {PEER_SIZE:,} generated failures")
    for method in OF_GENERATED:
        began = time.process_time()
        found = method.clusters_of(failures)
        seconds = time.process_time() - began
        if found is None:
            print(f"  {method.name:<28} not installed")
            continue
        score = Score()
        score.add(found, labels)
        print(f"  {method.name:<28} {score}  {len(set(found)):>6,} clusters  {seconds:7.2f} s")


def _assigned(seen: Iterator[SlottedFailure], registry: ClusterRegistry) -> Assignment:
    return assign_failures(
        seen,
        registry,
        signer=signatures_of,
        factory=registry.event_factory(AT, "benchmark"),
        stamp="S",
        context=Context(),
    )


def _slotted(failures: Sequence[Failure]) -> Iterator[SlottedFailure]:
    for failure in failures:
        yield SlottedFailure((failure.nodeid, 0), failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
