"""What the index of a site states: every run, what became of each cluster, and the flaky tests.

All of it follows from the sealed runs and the journal as of a moment: `triage check` collects it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from triage.campaign.explanation import known_cause
from triage.campaign.html_report.collect import journal_as_of
from triage.campaign.html_report.history import counts_of, seen_clusters
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Value
from triage.model.cluster import ClusterStatus

VERSION: Final = 1
DATA = "site.json"
MOST_PAGES = 100
"""Runs of a campaign that have a page: Pages of GitHub and GitLab are limited to a gigabyte."""
TREND_RUNS = 30
"""Runs in a chart: as many as can be told apart."""


class SiteRun(Value):
    """One run."""

    stamp: str
    commit: str | None
    verdict: str
    void: str | None
    seconds: float
    counts: dict[str, int]
    red: int
    """Failing tests; flaky ones are counted apart."""
    flaky: int
    opened: tuple[str, ...]
    """Clusters that it saw and the run before it did not."""
    closed: tuple[str, ...]
    """Clusters that the run before it saw and it did not."""
    page: str | None
    """Relative to the site; None where it is too old to have one."""


class SiteCluster(Value):
    """One cause over time."""

    id: str
    title: str | None
    status: str | None
    owner: str | None
    cause: str | None
    first_seen: str | None
    last_seen: str
    trend: tuple[int, ...]
    """Failing tests in each of the runs of the charts, oldest first."""
    page: str | None
    """Where it is shown last."""


class SiteCampaign(Value):
    """The runs of one campaign, newest first."""

    name: str
    runs: tuple[SiteRun, ...]
    clusters: tuple[SiteCluster, ...]
    """Open ones before those that were resolved, each group by what failed last."""
    flaky: tuple[dict[str, Any], ...]
    """As the newest run has it."""


class SiteOverview(Value):
    """`site.json`."""

    v: int = VERSION
    version: str
    """Of triage."""
    made_at: str
    """The journal is read as of this moment."""
    campaigns: tuple[SiteCampaign, ...]


def overview(output: Path, *, version: str, made_at: str) -> SiteOverview:
    """Collect the index from what lies beneath `output`; runs that were not concluded are left out."""
    registry = journal_as_of(output, made_at)
    sealed = [folder for folder in EvidenceFolder.all(output, phase="a") if folder.sealed]
    names = sorted({folder.campaign for folder in sealed})
    campaigns = [
        _campaign(output, name, [folder for folder in sealed if folder.campaign == name], registry)
        for name in names
    ]
    return SiteOverview(version=version, made_at=made_at, campaigns=tuple(campaigns))


def page_of(campaign: str, stamp: str) -> str:
    """Where the page of a run lies in the site."""
    return f"runs/{campaign}/{stamp}.html"


_NEEDED = frozenset({"stamp", "commit", "verdict", "seconds", "counts", "clusters"})
"""Of a summary: older versions of triage wrote fewer fields."""


def summary_at(folder: EvidenceFolder) -> dict[str, Any] | None:
    """The summary that a run wrote; None where it is damaged, which `triage check` says, or too old."""
    try:
        summary = json.loads((folder.path / "summary.json").read_bytes())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and summary.keys() >= _NEEDED else None


def _campaign(
    output: Path, name: str, folders: Sequence[EvidenceFolder], registry: ClusterRegistry
) -> SiteCampaign:
    summaries = [summary for folder in folders if (summary := summary_at(folder)) is not None]
    seen = [seen_clusters(summary["clusters"]) for summary in summaries]
    paged = {summary["stamp"] for summary in summaries[-MOST_PAGES:]}
    runs = []
    for position, summary in enumerate(summaries):
        before = seen[position - 1] if position else {}
        page = page_of(name, summary["stamp"]) if summary["stamp"] in paged else None
        runs.append(_run(summary, seen[position], before, page))
    newest = summaries[-1] if summaries else None
    return SiteCampaign(
        name=name,
        runs=tuple(reversed(runs)),
        clusters=tuple(_clusters(output, summaries, seen, registry, runs)),
        flaky=tuple(newest.get("flaky", ())) if newest else (),
    )


def _run(
    summary: Mapping[str, Any], seen: Mapping[str, int], before: Mapping[str, int], page: str | None
) -> SiteRun:
    counts = counts_of(summary["counts"])
    return SiteRun(
        stamp=summary["stamp"],
        commit=summary["commit"],
        verdict=summary["verdict"],
        void=summary.get("void"),
        seconds=summary["seconds"],
        counts=counts,
        red=sum(counts.get(name, 0) for name in ("failed", "error", "crashed", "timeout")),
        flaky=counts.get("flaky", 0),
        opened=tuple(name for name in seen if name not in before),
        closed=tuple(name for name in before if name not in seen),
        page=page,
    )


def _clusters(
    output: Path,
    summaries: Sequence[Mapping[str, Any]],
    seen: Sequence[Mapping[str, int]],
    registry: ClusterRegistry,
    runs: Sequence[SiteRun],
) -> list[SiteCluster]:
    """Every cluster that a run of the campaign saw; what was merged counts for what it was merged into."""
    rows: dict[str, Mapping[str, Any]] = {}
    for summary in summaries:
        rows.update({row["id"]: row for row in summary["clusters"] if row["failing"]})
    shown_in: dict[str, int] = {}
    trends: dict[str, list[int]] = {}
    for position, failing in enumerate(seen):
        for name, number in failing.items():
            home = registry.resolve(name) if name in registry.clusters else name
            trends.setdefault(home, [0] * len(seen))[position] += number
            shown_in[home] = position
    found = []
    for home, trend in trends.items():
        last = runs[shown_in[home]]
        cluster = _as_decided(home, rows.get(home, {}), registry)
        cause = known_cause(output, registry, home) if home in registry.clusters else None
        found.append(
            SiteCluster(
                **cluster,
                cause=f"{cause.verdict}: {cause.summary}" if cause else None,
                last_seen=last.stamp,
                trend=tuple(trend[-TREND_RUNS:]),
                page=last.page,
            )
        )
    is_resolved = {each.id: each.status == ClusterStatus.RESOLVED for each in found}
    return sorted(found, key=lambda each: (is_resolved[each.id], -shown_in[each.id], int(each.id[1:])))


def _as_decided(name: str, row: Mapping[str, Any], registry: ClusterRegistry) -> dict[str, Any]:
    """What the journal says of a cluster, else the last run that saw it."""
    known = registry.clusters.get(name)
    if known is None:
        fields = ("title", "status", "owner", "first_seen")
        return {"id": name, **{field: row.get(field) for field in fields}}
    return {
        "id": name,
        "title": known.title,
        "status": known.status.value,
        "owner": known.owner,
        "first_seen": known.first_seen,
    }
