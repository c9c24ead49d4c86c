"""Find what a design rests on: the cause with its proof, and the run that showed the failure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.campaign.recorded import read_record
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.lab.protocol import Setup
from triage.model.base import reason_of
from triage.model.cluster import Cluster, ClusterStatus
from triage.model.experiment import ExperimentResult, Factor, ProbeReport, Status
from triage.model.journal import AttemptRecorded
from triage.model.nodeid import file_of
from triage.model.run import Chunk, RunRecord

ORDER_KINDS = frozenset({"order-dependent", "working-directory"})
"""Causes that lie in tests that ran before."""
WORKER_VARIABLES = "PYTEST_XDIST_"
"""Variables that begin so are set by pytest-xdist, in each of its workers."""


TWICE = "twice"
"""The instrument that runs each test twice, and the kind of the factor."""


@dataclass(frozen=True)
class Basis:
    """Everything that a design rests on."""

    cluster: Cluster
    report: ProbeReport
    probe: Path
    """`probe.json`."""
    run: RunRecord | None
    """The latest usable run that shows the subject red; where none does, that has an outcome of it."""
    run_folder: Path | None

    @property
    def subject(self) -> tuple[str, ...]:
        """The failing tests."""
        return self.report.subject

    @property
    def context(self) -> tuple[str, ...]:
        """The subject behind the tests that make it fail, where the cause lies in other tests.

        A brittle test, which fails alone and passes behind others, is its own context.
        """
        cause = self.report.root_cause
        is_of_others = cause.kind in ORDER_KINDS or self.workers is not None
        if not is_of_others or self.run is None or self.is_brittle:
            return self.subject
        known = {result.nodeid for result in self.run.results}
        others = (nodeid for nodeid in cause.culprits if nodeid in known and nodeid not in self.subject)
        return (*others, *self.subject)

    @property
    def is_brittle(self) -> bool:
        """Whether the subject fails alone, for want of what another test leaves behind."""
        factor = self.report.root_cause.factor
        return factor is not None and factor.kind == "order" and factor.from_ == "alone"

    @property
    def imports(self) -> tuple[str, ...]:
        """Test files whose import makes the subject fail, and its own, where that is the cause."""
        cause = self.report.root_cause
        files = tuple(name for name in cause.culprits if name.endswith(".py"))
        if cause.kind not in ORDER_KINDS or not files or len(files) < len(cause.culprits):
            return ()
        return (*files, file_of(self.subject[0]))

    @property
    def runs_twice(self) -> bool:
        """Whether the subject fails the second time that it runs in one process."""
        return any(
            result.factor is not None and result.factor.kind == TWICE
            for result in self.report.experiments
            if result.status is Status.CONFIRMED
        )

    @property
    def workers(self) -> int | None:
        """In how many workers of pytest-xdist the subject fails; None where it fails in one process too."""
        factor = self.report.root_cause.factor
        if factor is None:
            return None
        if factor.kind == "workers":
            return int(factor.from_)
        if factor.kind == "env" and factor.name.startswith(WORKER_VARIABLES):
            return 1
        return None

    @property
    def distribution(self) -> str:
        """How the tests are given to the workers: a test that disturbs itself runs in each of them."""
        return "load" if self.context != self.subject else "each"

    @property
    def fails_in_company_only(self) -> bool:
        """Whether the subject passes alone: then that it does is no sign of a repair."""
        in_company = self.context != self.subject or bool(self.imports) or self.workers is not None
        return in_company or self.runs_twice

    def failing_setup(self, **more: Any) -> Setup:
        """What shows the failure, as the probe found it; `more` are other fields of the setup."""
        if self.runs_twice:
            more["instruments"] = {**more.get("instruments", {}), TWICE: {"on": True}}
        return Setup(
            nodeids=self.context,
            imports=self.imports,
            workers=self.workers,
            distribution=self.distribution if self.workers else "load",
            **more,
        )

    @property
    def chunk(self) -> Chunk | None:
        """The chunk in which the subject ran; where there is no plan, the tests of its file."""
        if self.run is None:
            return None
        chunks = self.run.plan.chunks if self.run.plan else ()
        for chunk in chunks:
            if self.subject[0] in chunk.nodeids:
                return chunk
        file = file_of(self.subject[0])
        nodeids = tuple(result.nodeid for result in self.run.results if file_of(result.nodeid) == file)
        return Chunk(name=file, nodeids=nodeids) if nodeids else None

    @property
    def chunk_seconds(self) -> float | None:
        """Seconds that the tests of that chunk took in that run; None where it does not tell of each."""
        chunk = self.chunk
        if self.run is None or chunk is None:
            return None
        known = {each.nodeid: each.duration for each in self.run.results if each.duration is not None}
        if any(nodeid not in known for nodeid in chunk.nodeids):
            return None
        return sum(known[nodeid] for nodeid in chunk.nodeids)

    @property
    def tolerated(self) -> tuple[str, ...]:
        """Tests that were red (flaky ones too) in that run without being the subject."""
        if self.run is None:
            return ()
        results = (*self.run.results, *self.run.collect_errors)
        failed = [result.nodeid for result in results if result.outcome.has_failures]
        return tuple(nodeid for nodeid in failed if nodeid not in self.subject)

    @property
    def proof(self) -> int | None:
        """Index of the experiment that confirmed the cause's factor."""
        factor = self.report.root_cause.factor
        if factor is None:
            return None
        for index, result in enumerate(self.report.experiments):
            if result.status is Status.CONFIRMED and result.factor == factor:
                return index
        return None

    @property
    def proven(self) -> ExperimentResult | None:
        """That experiment."""
        return None if self.proof is None else self.report.experiments[self.proof]

    @property
    def failure_rate(self) -> float:
        """How often the unchanged subject failed in the experiments."""
        arms = [result.baseline for result in self.report.experiments if result.baseline.runs]
        runs = sum(arm.runs for arm in arms)
        return sum(arm.failed for arm in arms) / runs if runs else 1.0


def cluster_named(text: str, registry: ClusterRegistry) -> str | None:
    """The live cluster that a user means by `C19` or `c19`; None where the text names no cluster."""
    for name in (text, text.upper()):
        if name in registry.clusters:
            return registry.resolve(name)
    return None


def clusters_named(text: str, registry: ClusterRegistry, campaign: str) -> tuple[str, ...]:
    """`C19` or a campaign: every cluster of it whose cause is known and that is not resolved.

    Raises `UsageError` for an unknown cluster, and for a campaign without anything to do.
    """
    cluster_id = cluster_named(text, registry)
    if cluster_id is not None:
        return (cluster_id,)
    ready = (ClusterStatus.PROBED, ClusterStatus.DESIGNED)
    tried = {
        registry.resolve(event.cluster)
        for event in registry.decisions
        if isinstance(event, AttemptRecorded) and event.campaign == text
    }
    found = tuple(c.id for c in registry.live if c.id in tried and c.status in ready)
    if found:
        return found
    if text == campaign or tried:
        raise UsageError(
            "nothing-to-do", f"campaign {text} has no probed cluster that is open", "see `triage next`"
        )
    return (registry.resolve(text),)


def find_basis(root: Path, registry: ClusterRegistry, cluster_id: str, *, needs_cause: bool = True) -> Basis:
    """The latest probe of a cluster and the run behind it.

    Raises `UsageError` where it was not probed, or where its cause is unknown and `needs_cause` says that
    nobody brings a repair of their own; `VoidError` for damaged evidence.
    """
    cluster = registry.cluster(cluster_id)
    path = _probe_of(root, registry, cluster)
    try:
        report = ProbeReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise VoidError(
            "bad-evidence", f"{path}: {reason_of(error)}", "'triage check' tells what was changed"
        ) from error
    if needs_cause and report.root_cause.confidence == "unknown":
        raise UsageError(
            "no-cause",
            f"the cause of {cluster.id} is unknown, so no repair is proposed",
            "give one with --option PATCH, or probe further",
        )
    record, folder = _run_with(root, report.subject[0])
    return Basis(cluster, report, path, record, folder)


def factor_of(root: Path, registry: ClusterRegistry, cluster: Cluster) -> Factor | None:
    """What the latest probe of a cluster found to decide; None where there is none that can be read."""
    try:
        report = ProbeReport.model_validate_json(_probe_of(root, registry, cluster).read_bytes())
    except (OSError, ValidationError, UsageError):
        return None
    return report.root_cause.factor


def _probe_of(root: Path, registry: ClusterRegistry, cluster: Cluster) -> Path:
    """`probe.json` of the latest probe of a cluster that is still on disk."""
    attempts = [event for event in registry.events_of(cluster.id) if isinstance(event, AttemptRecorded)]
    for event in reversed(attempts):
        if event.phase != "b":
            continue
        for name in event.evidence:
            if name.endswith("probe.json") and (root / name).is_file():
                return root / name
    raise UsageError(
        "not-probed",
        f"{cluster.id} has no probe on record",
        f"find its cause first: triage probe {cluster.id}",
    )


def _run_with(root: Path, nodeid: str) -> tuple[RunRecord | None, Path | None]:
    """The latest usable run in which a test is red, else in which it has an outcome; and its folder."""
    other: tuple[RunRecord | None, Path | None] = (None, None)
    for folder in reversed(EvidenceFolder.all(root, phase="a")):
        try:
            record = read_record(folder.path)
        except VoidError:
            continue
        if record.void is not None:
            continue
        outcomes = [
            each.outcome for each in (*record.results, *record.collect_errors) if each.nodeid == nodeid
        ]
        if any(outcome.has_failures for outcome in outcomes):
            return record, folder.path
        if outcomes and other == (None, None):
            other = record, folder.path
    return other
