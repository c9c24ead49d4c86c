"""Read the clear verdicts of earlier experiments back from the evidence of phase B."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.cluster.context import Flip
from triage.cluster.groups import Signer, failures_of
from triage.cluster.registry import ClusterRegistry
from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult, Factor, Status
from triage.model.failure import Failure
from triage.model.run import RunRecord
from triage.run.standalone import read_recorded

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_LARGEST_RECORD = 8 * 1024 * 1024
"""Bytes of a run's events up to which they are read for one failure: a record is a few kilobytes."""


@dataclass(frozen=True)
class TriedFactor:
    """One factor that was changed under one test, with a clear verdict."""

    nodeid: str
    factor: Factor
    passed: bool
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
    def factor_text(self) -> str:
        """The factor as a text, the same for every test on which it was tried.

        An order names the tests that were put before, or those that were left out.
        """
        if self.factor.kind != "order" or self.factor.name != "before":
            return self.factor.spelled()
        if isinstance(self.factor.from_, list):
            return f"order:before=without {_joined(self.factor.from_)}"
        return f"order:before=behind {_joined(self.factor.to)}"

    def failures(self) -> tuple[Failure, ...]:
        """How the test failed while nothing was changed, as the first readable run shows it."""
        for folder in self.baseline:
            try:
                if (folder / "events.jsonl").stat().st_size > _LARGEST_RECORD:
                    continue
                record = read_recorded(folder, root=folder, stamp="", campaign="")
            except (OSError, TriageError, ValueError, LookupError):
                continue
            for result in record.results:
                if result.nodeid == self.nodeid and result.failures:
                    return result.failures
        return ()


def tried_factors(root: Path) -> tuple[TriedFactor, ...]:
    """Every clear verdict under `reports/`, oldest probe first; of a factor tried again the last."""
    latest: dict[tuple[str, str, str | None], TriedFactor] = {}
    for folder in EvidenceFolder.all(root, phase="b"):
        if not folder.sealed:
            continue
        for tried in _read_folder(root, folder):
            key = (tried.nodeid, tried.factor_text, tried.cluster)
            latest.pop(key, None)  # so that it moves to the end
            latest[key] = tried
    return tuple(latest.values())


def flips_of(tried: Iterable[TriedFactor]) -> tuple[Flip, ...]:
    """What experiments did to tests, one value for each factor, cluster and probe; commits are no factors."""
    passed: dict[tuple[str, str, str], set[str]] = {}
    failed: dict[tuple[str, str, str], set[str]] = {}
    for each in tried:
        if each.factor.kind == "commit":
            continue
        key = (each.factor_text, each.cluster or "", each.evidence)
        passed.setdefault(key, set())
        failed.setdefault(key, set())
        (passed if each.passed else failed)[key].add(each.nodeid)
    return tuple(
        Flip(
            factor=factor,
            flipped=frozenset(nodeids),
            unmoved=frozenset(failed[factor, cluster, evidence]),
            evidence=evidence,
            cluster=cluster or None,
        )
        for (factor, cluster, evidence), nodeids in sorted(passed.items())
    )


def first_bad_of(tried: Iterable[TriedFactor]) -> Mapping[str, frozenset[str]]:
    """Node id to the commits of which one broke it: several where those between could not be tested."""
    return {each.nodeid: each.suspects for each in tried if each.passed and each.suspects}


def tried_on_failures_of(
    record: RunRecord, tried: Sequence[TriedFactor], registry: ClusterRegistry, signer: Signer
) -> list[TriedFactor]:
    """The experiments on the failures that this run shows.

    A test that fails for another reason now than when it was experimented on has been told nothing about.
    """
    shown = _signatures_of(record, {each.nodeid for each in tried}, signer)
    return [
        each
        for each in tried
        if each.nodeid in shown and _same_failure(each, shown[each.nodeid], registry, signer)
    ]


def _signatures_of(record: RunRecord, nodeids: set[str], signer: Signer) -> dict[str, set[str]]:
    """Node id to the signature ids of its failures, for these tests alone: signing takes time."""
    found: dict[str, set[str]] = {}
    for seen in failures_of(record) if nodeids else ():
        nodeid, _ = seen.slot
        if nodeid in nodeids:
            ids = found.setdefault(nodeid, set())
            ids.update(signature.id for signature in signer(seen.failure))
    return found


def _same_failure(
    tried: TriedFactor, signatures: set[str], registry: ClusterRegistry, signer: Signer
) -> bool:
    """Whether one of the test's signatures belongs to the cluster, or to the failure, that was tried."""
    if tried.cluster is not None and tried.cluster in registry.clusters:
        clusters = {
            registry.member_home.get((each, tried.nodeid)) or registry.home.get(each) for each in signatures
        }
        return registry.resolve(tried.cluster) in clusters
    then = {signature.id for failure in tried.failures() for signature in signer(failure)}
    return bool(then & signatures)


def _read_folder(root: Path, folder: EvidenceFolder) -> Iterator[TriedFactor]:
    """Pairs of a prediction and its verdict; a damaged line is no evidence, and `triage check` says so."""
    try:
        report = json.loads((folder.path / "probe.json").read_bytes())
        lines = (folder.path / EXPERIMENTS_FILE).read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return
    if not isinstance(report, dict):
        return
    predicted: dict[Any, dict[str, Any]] = {}
    for text in lines:
        line = _parsed(text)
        number = line.get("experiment")
        if line.get("event") == "predicted":
            predicted[number] = line
        elif line.get("event") in ("judged", "known") and number in predicted:
            yield from _verdicts(root, folder, predicted[number], line, report)


def _verdicts(
    root: Path,
    folder: EvidenceFolder,
    predicted: Mapping[str, Any],
    judged: Mapping[str, Any],
    report: Mapping[str, Any],
) -> Iterator[TriedFactor]:
    try:
        result = ExperimentResult.model_validate(judged.get("result"))
    except ValidationError:
        return
    watched = predicted.get("watch")
    watches_others = predicted.get("treated_watch") not in (None, [], watched)
    is_clear = result.status in (Status.CONFIRMED, Status.REFUTED)
    if result.factor is None or not is_clear or watches_others or not isinstance(watched, list):
        return
    cluster = report.get("cluster")
    if predicted.get("any_reason"):
        cluster = None  # it failed, but maybe not as the cluster does: the runs themselves must tell
    for nodeid in watched:
        yield TriedFactor(
            nodeid=str(nodeid),
            factor=result.factor,
            passed=result.status is Status.CONFIRMED,
            cluster=cluster if isinstance(cluster, str) else None,
            evidence=f"{folder.relative(root)}/probe.json",
            baseline=tuple(_in_this_checkout(root, path) for path in result.evidence[: result.baseline.runs]),
            suspects=_suspects(result.factor, report),
        )


def _suspects(factor: Factor, report: Mapping[str, Any]) -> frozenset[str]:
    """The first bad commit, or all that the report names where it names this one among several."""
    bad = str(factor.from_)
    if factor.kind != "commit" or not _COMMIT.fullmatch(bad):
        return frozenset()
    cause = report.get("root_cause")
    culprits = cause.get("culprits") if isinstance(cause, dict) else None
    if not isinstance(culprits, list):
        return frozenset({bad})
    commits = frozenset(str(culprit) for culprit in culprits if _COMMIT.fullmatch(str(culprit)))
    return commits if bad in commits else frozenset({bad})


def _in_this_checkout(root: Path, path: str) -> Path:
    """A run's folder in this checkout: the record names it as the machine saw it that wrote it."""
    _, marker, below = path.rpartition("/reports/")
    if marker and ".." not in below.split("/"):
        return root / "reports" / below
    return root / path


def _joined(tests: object) -> str:
    return ", ".join(map(str, tests)) if isinstance(tests, list) else str(tests)


def _parsed(text: str) -> dict[str, Any]:
    """A line as an object; empty where it is none."""
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
