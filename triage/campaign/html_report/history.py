"""How the tests of a run fared in the runs before it, read from the sealed evidence of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.campaign.html_report.document import ABSENT, RunPoint
from triage.campaign.recorded import RecordedRun
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.model.outcome import Outcome

MOST_RUNS = 20
"""As many as a strip beside a test can show; `triage history` has all."""
MOST_GONE = 2000
"""Of tests that the run before had: renaming a folder makes thousands."""


@dataclass(frozen=True)
class EarlierRun:
    """What the page needs of one run before."""

    stamp: str
    commit: str | None
    verdict: str
    seconds: float
    counts: dict[str, int]
    clusters: dict[str, int]
    letters: Mapping[str, str]
    """Node id to the letter of its outcome."""


def earlier_runs(folders: Sequence[EvidenceFolder], run: RecordedRun) -> list[EarlierRun]:
    """The sealed runs of the same campaign before a run, oldest first; one that is damaged is left out."""
    before = [
        folder
        for folder in folders
        if folder.campaign == run.folder.campaign and folder.stamp < run.record.stamp and folder.sealed
    ]
    found = [read_earlier(folder) for folder in before[-(MOST_RUNS - 1) :]]
    return [earlier for earlier in found if earlier is not None]


def read_earlier(folder: EvidenceFolder) -> EarlierRun | None:
    """Read a run without building its values: a history of twenty large runs takes a second, not a minute."""
    try:
        results = json.loads(read_record_bytes(folder.path / "results.json"))
        summary = json.loads(read_record_bytes(folder.path / "summary.json"))
        rows = [*results.get("collect_errors", ()), *results["results"]]
        return EarlierRun(
            stamp=folder.stamp,
            commit=summary.get("commit"),
            verdict=summary["verdict"],
            seconds=summary["seconds"],
            counts=counts_of(summary["counts"]),
            clusters=seen_clusters(summary["clusters"]),
            letters={row["nodeid"]: Outcome(row["outcome"]).letter for row in rows},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # `triage check` says what is wrong with it


def counts_of(counts: Mapping[str, int]) -> dict[str, int]:
    """The figures that are not zero, and the sum."""
    return {name: number for name, number in counts.items() if number or name == "collected"}


def seen_clusters(clusters: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Clusters of a summary that its run saw, with the number of failing tests."""
    return {cluster["id"]: cluster["failing"] for cluster in clusters if cluster["failing"]}


def run_point(earlier: EarlierRun, nodeids: Sequence[str]) -> RunPoint:
    """A run of the history against the tests of the newest."""
    return RunPoint(
        stamp=earlier.stamp,
        commit=earlier.commit,
        verdict=earlier.verdict,
        seconds=earlier.seconds,
        counts=earlier.counts,
        clusters=earlier.clusters,
        outcomes="".join(earlier.letters.get(nodeid, ABSENT) for nodeid in nodeids),
    )


def gone_tests(earlier: Sequence[EarlierRun], nodeids: Sequence[str]) -> tuple[str, ...]:
    """Tests of the newest run before that gave an answer, which the run does not have."""
    answered = [each for each in earlier if each.verdict != "void"]
    if not answered:
        return ()
    present = frozenset(nodeids)
    return tuple(nodeid for nodeid in answered[-1].letters if nodeid not in present)[:MOST_GONE]
