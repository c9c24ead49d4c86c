"""Find the recorded runs that show the tests of a cluster red: the red before of a repair by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.campaign.recorded import RESULTS, FailureRow, read_failures, read_record
from triage.campaign.run_conditions import conditions_of
from triage.cluster.new_names import NewNames
from triage.cluster.registry import ClusterRegistry
from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.criterion import Conditions
from triage.model.failure import present_name, surroundings_of
from triage.model.journal import FilesMoved, Relocation
from triage.model.nodeid import file_of
from triage.model.recorded_criteria import RecordedFailure
from triage.model.run import RunRecord, TestResult


@dataclass(frozen=True)
class FailingRun:
    """A run that shows tests of the cluster red."""

    folder: EvidenceFolder
    record: RunRecord
    renamed: tuple[NewNames, ...]
    """What was renamed since, in order."""

    def name_now(self, nodeid: str) -> str:
        """The name of today of a test of the run."""
        for names in self.renamed:
            nodeid = names.of_test(nodeid)
        return nodeid

    @property
    def results(self) -> tuple[TestResult, ...]:
        """Of tests, then of what did not collect."""
        return (*self.record.results, *self.record.collect_errors)

    @property
    def was_red(self) -> tuple[str, ...]:
        """Tests that failed in it, flaky ones too, under their names of today."""
        red = [each.nodeid for each in self.results if each.outcome.has_failures]
        return tuple(present_name(self.name_now(nodeid)) for nodeid in red)

    def with_others(self, result: TestResult) -> tuple[str, ...]:
        """The tests that shared a process with one, in order, it included; without a plan those of its file.

        Under their names of today.
        """
        if result.chunk is None:
            file = file_of(result.nodeid)
            together = [each for each in self.record.results if file_of(each.nodeid) == file]
        else:
            process = (result.chunk, result.attempt)
            together = [each for each in self.record.results if (each.chunk, each.attempt) == process]
        return tuple(self.name_now(each.nodeid) for each in together)

    def chunk_of(self, result: TestResult) -> tuple[str, ...]:
        """All tests of its chunk, in whichever process; without a plan those of its file."""
        chunks = self.record.plan.chunks if self.record.plan is not None else ()
        for chunk in chunks:
            if chunk.name == result.chunk:
                return tuple(self.name_now(nodeid) for nodeid in chunk.nodeids)
        return self.with_others(result)

    def conditions(self, now: Mapping[str, str], environ: Mapping[str, str]) -> Conditions:
        """How its processes were started; `now` is the canonical environment, `environ` what is inherited."""
        return conditions_of(self.record, self.folder.path, now, environ)


@dataclass(frozen=True)
class FoundFailure:
    """A test of the cluster in the newest run that shows it red."""

    failure: RecordedFailure
    result: TestResult
    run: FailingRun
    renamed_from: str | None = None
    """Its name as the journal has it, where only the repository knows of another one."""


def under_new_names(found: Sequence[FoundFailure], moves: Sequence[Relocation]) -> tuple[FoundFailure, ...]:
    """The failures with the names that their tests have now, by renamings that the journal does not know."""
    if not moves:
        return tuple(found)
    names = NewNames(moves)
    runs = {each.run.record.stamp: each.run for each in found}
    renamed = {stamp: replace(run, renamed=(*run.renamed, names)) for stamp, run in runs.items()}
    result = []
    for each in found:
        before, now = each.failure.nodeid, names.of_test(each.failure.nodeid)
        failure = each.failure.model_copy(update={"nodeid": now})
        run = renamed[each.failure.stamp]
        result.append(FoundFailure(failure, each.result, run, before if now != before else None))
    return tuple(result)


def find_failures(
    output: Path, registry: ClusterRegistry, cluster: Cluster
) -> tuple[tuple[FoundFailure, ...], tuple[str, ...]]:
    """For each member the newest run that shows it red for this cluster's reason; then members without one.

    A run that cannot be read shows nothing: `triage check` names it.
    """
    waiting = dict.fromkeys(cluster.members)
    found: dict[str, FoundFailure] = {}
    for folder in reversed(EvidenceFolder.all(output, phase="a")):
        if not waiting:
            break
        for each in _in_run(folder, output, registry, cluster):
            member = each.run.name_now(each.result.nodeid)
            if member in waiting:
                del waiting[member]
                found[member] = each
    in_order = tuple(found[member] for member in cluster.members if member in found)
    return in_order, tuple(waiting)


def _in_run(
    folder: EvidenceFolder, output: Path, registry: ClusterRegistry, cluster: Cluster
) -> Iterator[FoundFailure]:
    if not folder.sealed:
        return
    try:
        rows = [row for row in read_failures(folder.path) if _home(row, registry) == cluster.id]
        if not rows:
            return
        record = read_record(folder.path)
    except VoidError:
        return
    renamed = [
        NewNames(event.moves)
        for event in registry.decisions
        if isinstance(event, FilesMoved) and event.stamp > record.stamp
    ]
    run = FailingRun(folder, record, tuple(renamed))
    red = {row.nodeid for row in rows}
    for result in run.results:
        if result.nodeid in red:
            failure = _recorded(run, result, f"{folder.relative(output)}/{RESULTS}")
            yield FoundFailure(failure, result, run)


def _recorded(run: FailingRun, result: TestResult, path: str) -> RecordedFailure:
    return RecordedFailure(
        nodeid=present_name(run.name_now(result.nodeid)),
        recorded_as=result.nodeid,
        run=path,
        stamp=run.record.stamp,
        outcome=result.outcome,
        runs=max(1, result.executions),
        failed=max(1, result.failed_executions),
        chunk=result.chunk,
        attempt=result.attempt,
        surroundings=surroundings_of(result.nodeid),
    )


def _home(row: FailureRow, registry: ClusterRegistry) -> str | None:
    """The cluster that a failure belongs to by what the journal says today."""
    for signature in row.all_signatures:
        moved = registry.member_home.get((signature, row.nodeid))
        if moved is not None:
            return moved
    for signature in row.all_signatures:
        if signature in registry.home:
            return registry.home[signature]
    if row.cluster is None or row.cluster not in registry.clusters:
        return None
    return registry.resolve(row.cluster)
