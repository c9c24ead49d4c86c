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
from triage.evidence.packed import read_record_bytes
from triage.model.base import Value
from triage.model.cluster import ClusterStatus
from triage.model.outcome import Outcome

VERSION: Final = 1
DATA = "site.json"
VOID = "void"
"""The verdict of a run that answers nothing; what it did not see is not gone."""
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
    opened: tuple[str, ...] = ()
    """Clusters that it saw and the last run that answered before it did not."""
    closed: tuple[str, ...] = ()
    """Clusters that the last run that answered before it saw and it did not."""
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
    """Failing tests in each of the last runs that answered, oldest first."""
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
    """Collect the index from what lies beneath `output`; a run that was not concluded is shown as void."""
    registry = journal_as_of(output, made_at)
    folders = EvidenceFolder.all(output, phase="a")
    names = sorted({folder.campaign for folder in folders})
    campaigns = [
        _campaign(output, name, [folder for folder in folders if folder.campaign == name], registry)
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
        summary = json.loads(read_record_bytes(folder.path / "summary.json"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and summary.keys() >= _NEEDED else None


def _campaign(
    output: Path, name: str, folders: Sequence[EvidenceFolder], registry: ClusterRegistry
) -> SiteCampaign:
    runs: list[SiteRun] = []
    summaries = {folder.stamp: summary for folder in folders if (summary := _concluded(folder)) is not None}
    paged = set(sorted(summaries)[-MOST_PAGES:])
    answered: list[Mapping[str, Any]] = []
    for folder in folders:
        summary = summaries.get(folder.stamp)
        if summary is None:
            runs.append(_unfinished(folder.stamp))
            continue
        page = page_of(name, folder.stamp) if folder.stamp in paged else None
        run = _run(summary, page)
        if run.verdict != VOID:
            before = seen_clusters(answered[-1]["clusters"]) if answered else {}
            run = _with_news(run, seen_clusters(summary["clusters"]), before)
            answered.append(summary)
        runs.append(run)
    newest = answered[-1] if answered else None
    pages = {run.stamp: run.page for run in runs}
    return SiteCampaign(
        name=name,
        runs=tuple(reversed(runs)),
        clusters=tuple(_clusters(output, answered, registry, pages)),
        flaky=tuple(newest.get("flaky", ())) if newest else (),
    )


def _concluded(folder: EvidenceFolder) -> dict[str, Any] | None:
    """The summary of a run that came to its end."""
    return summary_at(folder) if folder.sealed else None


def _unfinished(stamp: str) -> SiteRun:
    """A run that goes on, was cut short or is damaged: it answers nothing, and is not hidden."""
    return SiteRun(
        stamp=stamp,
        commit=None,
        verdict=VOID,
        void="it was not concluded",
        seconds=0.0,
        counts={"collected": 0},
        red=0,
        flaky=0,
        page=None,
    )


def _run(summary: Mapping[str, Any], page: str | None) -> SiteRun:
    counts = counts_of(summary["counts"])
    return SiteRun(
        stamp=summary["stamp"],
        commit=summary["commit"],
        verdict=summary["verdict"],
        void=summary.get("void"),
        seconds=summary["seconds"],
        counts=counts,
        red=sum(counts.get(outcome.value, 0) for outcome in Outcome if outcome.is_red),
        flaky=sum(counts.get(outcome.value, 0) for outcome in Outcome if outcome.is_flaky),
        page=page,
    )


def _with_news(run: SiteRun, seen: Mapping[str, int], before: Mapping[str, int]) -> SiteRun:
    """With the clusters that came and went since the last run that answered."""
    opened = tuple(name for name in seen if name not in before)
    closed = tuple(name for name in before if name not in seen)
    return run.model_copy(update={"opened": opened, "closed": closed})


def _clusters(
    output: Path,
    summaries: Sequence[Mapping[str, Any]],
    registry: ClusterRegistry,
    pages: Mapping[str, str | None],
) -> list[SiteCluster]:
    """Every cluster that a run of the campaign saw; what was merged counts for what it was merged into."""
    seen = [seen_clusters(summary["clusters"]) for summary in summaries]
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
        last_seen = summaries[shown_in[home]]["stamp"]
        cluster = _as_decided(home, rows.get(home, {}), registry)
        cause = known_cause(output, registry, home) if home in registry.clusters else None
        found.append(
            SiteCluster(
                **cluster,
                cause=f"{cause.verdict}: {cause.summary}" if cause else None,
                last_seen=last_seen,
                trend=tuple(trend[-TREND_RUNS:]),
                page=pages[last_seen],
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
