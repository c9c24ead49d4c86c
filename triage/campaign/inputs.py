"""What is known beside a run's failures when they are clustered: checkout, earlier runs, experiments,
people's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.campaign.services import Services
from triage.cluster.context import Context, Flip, Past
from triage.cluster.groups import Signer, failures_of
from triage.cluster.registry import ClusterRegistry
from triage.cluster.rules import SOURCE, Rules, parse_rules
from triage.errors import TriageError, UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult, Factor, Status
from triage.model.failure import Failure
from triage.model.run import RunRecord
from triage.run.standalone import read_recorded
from triage.signature.api import title_of

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_LARGEST_RECORD = 8 * 1024 * 1024


@dataclass(frozen=True)
class Tried:
    """One experiment on one test: the verdict was a clear one."""

    nodeid: str
    factor: Factor
    moved: bool
    """Whether the test passed with the factor changed; else it failed as before."""
    cluster: str | None
    """The cluster whose failure it was, by its id at that time; None where nobody knew one."""
    evidence: str
    """The probe's document, relative to the root."""
    baseline: tuple[Path, ...] = ()
    """Folders of runs in which the factor was unchanged."""
    suspects: frozenset[str] = frozenset()
    """Commits of which one brought the failure, where that is what the experiment was about."""

    @property
    def named(self) -> str:
        """The factor as a text: two tests that the same one moved have the same text."""
        if self.factor.kind == "order" and self.factor.name == "before":
            left_out = self.factor.from_ if isinstance(self.factor.from_, list) else None
            put = left_out if left_out is not None else self.factor.to
            tests = ", ".join(map(str, put)) if isinstance(put, list) else str(put)
            return f"order:before={'without' if left_out is not None else 'behind'} {tests}"
        return self.factor.spelled()

    def failures(self) -> tuple[Failure, ...]:
        """How the test failed while nothing was changed, as the first readable run shows it."""
        for folder in self.baseline:
            try:
                if (folder / "events.jsonl").stat().st_size > _LARGEST_RECORD:
                    continue
                record = read_recorded(folder, root=folder, stamp="", campaign="")
            except (OSError, TriageError, ValueError, LookupError):
                continue
            found = [r.failures for r in record.results if r.nodeid == self.nodeid and r.failures]
            if found:
                return found[0]
        return ()


def trials_of(root: Path) -> tuple[Tried, ...]:
    """Every clear verdict under `reports/`, oldest probe first; of one question the last answer alone."""
    latest: dict[tuple[str, str, str | None], Tried] = {}
    for folder in EvidenceFolder.all(root, phase="b"):
        if folder.sealed:
            for tried in _in_folder(root, folder):
                latest.pop((tried.nodeid, tried.named, tried.cluster), None)
                latest[tried.nodeid, tried.named, tried.cluster] = tried
    return tuple(latest.values())


def flips_of(trials: Iterable[Tried]) -> tuple[Flip, ...]:
    """What experiments did to tests, one value for each factor, cluster and probe; commits are no factors."""
    found: dict[tuple[str, str, str], tuple[set[str], set[str]]] = {}
    for tried in (tried for tried in trials if tried.factor.kind != "commit"):
        key = (tried.named, tried.cluster or "", tried.evidence)
        found.setdefault(key, (set(), set()))[0 if tried.moved else 1].add(tried.nodeid)
    return tuple(
        Flip(factor, frozenset(moved), frozenset(stayed), evidence, cluster or None)
        for (factor, cluster, evidence), (moved, stayed) in sorted(found.items())
    )


def first_bad_of(trials: Iterable[Tried]) -> Mapping[str, frozenset[str]]:
    """Node id to the commits of which one broke it: several where those between could not be tested."""
    return {tried.nodeid: tried.suspects for tried in trials if tried.moved and tried.suspects}


def of_run(
    trials: Sequence[Tried], record: RunRecord, registry: ClusterRegistry, signer: Signer
) -> list[Tried]:
    """The experiments on the failures that this run shows: a test that fails for another reason now than
    when it was experimented on has been told nothing about.
    """
    asked = {tried.nodeid for tried in trials}
    shown: dict[str, set[str]] = {}
    for seen in failures_of(record) if asked else ():
        if seen.slot[0] in asked:
            ids = shown.setdefault(seen.slot[0], set())
            ids.update(signature.id for signature in signer(seen.failure))
    homes = {
        nodeid: {registry.member_home.get((sig, nodeid)) or registry.home.get(sig) for sig in ids}
        for nodeid, ids in shown.items()
    }
    return [
        tried
        for tried in trials
        if tried.nodeid in shown
        and (
            _live(registry, tried.cluster) in homes[tried.nodeid]
            if tried.cluster in registry.clusters
            else any(s.id in shown[tried.nodeid] for f in tried.failures() for s in signer(f))
        )
    ]


def _live(registry: ClusterRegistry, cluster_id: str | None) -> str | None:
    return registry.resolve(cluster_id) if cluster_id is not None else None


def _in_folder(root: Path, folder: EvidenceFolder) -> Iterator[Tried]:
    """Pairs of a prediction and its verdict; a damaged line is no evidence, and `triage check` says so."""
    try:
        report = json.loads((folder.path / "probe.json").read_bytes())
        lines = (folder.path / EXPERIMENTS_FILE).read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return
    if not isinstance(report, dict):
        return
    asked: dict[Any, dict[str, Any]] = {}
    for line in map(_parsed, lines):
        if line.get("event") == "predicted":
            asked[line.get("experiment")] = line
        elif line.get("event") in ("judged", "known") and line.get("experiment") in asked:
            yield from _verdicts(root, folder, asked[line["experiment"]], line, report)


def _verdicts(
    root: Path, folder: EvidenceFolder, asked: dict[str, Any], line: dict[str, Any], report: dict[str, Any]
) -> Iterator[Tried]:
    try:
        result = ExperimentResult.model_validate(line.get("result"))
    except ValidationError:
        return
    clear = result.status in (Status.CONFIRMED, Status.REFUTED)
    watched = asked.get("watch")
    on_others = asked.get("treated_watch") not in (None, [], watched)
    if result.factor is None or not clear or on_others or not isinstance(watched, list):
        return
    cluster = report.get("cluster")
    if asked.get("any_reason"):
        cluster = None  # it failed, but maybe not as the cluster does: the runs themselves must tell
    runs = tuple(_here(root, path) for path in result.evidence[: result.baseline.runs])
    for nodeid in watched:
        yield Tried(
            nodeid=str(nodeid),
            factor=result.factor,
            moved=result.status is Status.CONFIRMED,
            cluster=cluster if isinstance(cluster, str) else None,
            evidence=f"{folder.relative(root)}/probe.json",
            baseline=runs,
            suspects=_suspects(result.factor, report),
        )


def _suspects(factor: Factor, report: dict[str, Any]) -> frozenset[str]:
    """The first bad commit, or all that the report names where it names this one among several."""
    bad = str(factor.from_)
    if factor.kind != "commit" or not _COMMIT.fullmatch(bad):
        return frozenset()
    cause = report.get("root_cause")
    named = cause.get("culprits") if isinstance(cause, dict) else None
    commits = {str(one) for one in named if _COMMIT.fullmatch(str(one))} if isinstance(named, list) else set()
    return frozenset(commits if bad in commits else {bad})


def _here(root: Path, path: str) -> Path:
    """A run's folder in this checkout: the record names it as the machine saw it that wrote it."""
    _, marker, below = path.rpartition("/reports/")
    return root / "reports" / below if marker and ".." not in below.split("/") else root / path


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


_TESTS_LOOKED_UP = 500
_RUNS_LOOKED_AT = 30


def rules_of(root: Path, today: date, registry: ClusterRegistry) -> Rules:
    """The rules of the project; none where there is no file.

    Raises `UsageError` (bad-rules) for a file with anything wrong in it, or that names an unknown cluster.
    """
    path = root / SOURCE
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return Rules()
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "make the file readable") from error
    rules = parse_rules(text, today=today)
    rules.check_clusters(registry)
    return rules


def context_of(services: Services, record: RunRecord, registry: ClusterRegistry) -> Context:
    """Checkout, history and experiments; without a usable history the others alone."""
    red = [r.nodeid for r in (*record.results, *record.collect_errors) if r.outcome.is_red]
    trials = of_run(trials_of(services.root), record, registry, services.signer)
    return Context(
        exists=lambda path: in_checkout(services.root, path),
        history=_history(services, record.stamp, red),
        first_bad=first_bad_of(trials),
        flips=flips_of(trials),
        title_of=title_of,
        last_seen=_last_seen(services.root, record.stamp, registry),
    )


def _last_seen(root: Path, stamp: str, registry: ClusterRegistry) -> Mapping[str, str]:
    """Cluster id to the STAMP of the last run before `stamp` that showed it, as the latest such run says.

    A trial run without ledgers may have called another cluster so: the signatures must be the journal's.
    """
    for folder in reversed(EvidenceFolder.all(root, phase="a")):
        if folder.stamp < stamp:
            try:
                rows = json.loads((folder.path / "clusters.json").read_bytes())["clusters"]
                return _by_id(map(Cluster.model_validate, rows), registry)
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return {}


def _by_id(clusters: Iterable[Cluster], registry: ClusterRegistry) -> dict[str, str]:
    found: dict[str, str] = {}
    for cluster in clusters:
        if cluster.last_seen is not None and cluster.id in registry.clusters:
            known = registry.cluster(cluster.id)
            if set(known.signatures) & set(cluster.signatures):
                found[known.id] = max(cluster.last_seen, found.get(known.id, ""))
    return found


def in_checkout(root: Path, path: str) -> bool:
    """Whether a relative path that a failure names lies in the project."""
    if path.startswith(("/", "~")) or ".." in path.split("/") or len(path) > 300 or "\0" in path:
        return False
    try:
        return (root / path).exists()
    except OSError:
        return False


def _history(services: Services, stamp: str, red: Iterable[str]) -> Mapping[str, tuple[Past, ...]]:
    """Earlier colours of the first few hundred red tests, oldest first."""
    found: dict[str, tuple[Past, ...]] = {}
    try:
        store = services.open_store()
        for nodeid in sorted(red)[:_TESTS_LOOKED_UP]:
            rows = [row for row in store.history(nodeid, _RUNS_LOOKED_AT) if row.stamp < stamp]
            found[nodeid] = tuple(Past(row.stamp, row.outcome.is_red) for row in reversed(rows))
        store.close()
    except TriageError as error:
        services.progress.note(f"clustered without earlier runs: {error}")
    return found
