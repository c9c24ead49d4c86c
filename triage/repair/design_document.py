"""Assemble `design.json` from what a design rests on and what running the options gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.config import Settings
from triage.evidence.folder import EvidenceFolder
from triage.lab.lost_lines import executed_lines, lost_lines
from triage.lab.measurements import Measurements, magnitude, measurements_of, recorded_measurements
from triage.lab.observations import relative_evidence
from triage.lab.protocol import Observation
from triage.model.criterion import Conditions, Criterion, Scope
from triage.model.outcome import Outcome
from triage.repair.asked import pytest_command
from triage.repair.criteria import Control, capture_command, floors
from triage.repair.document import (
    Approval,
    ChunkRun,
    Commands,
    Design,
    Option,
    SubjectRun,
    Task,
    Touchpoint,
    recommended_option,
)
from triage.repair.inputs import ORDER_KINDS, Basis
from triage.repair.options import apply_command, text_of
from triage.repair.ranking import RULE, compare
from triage.repair.trial import RUNS, DesignRuns, OptionTrial, files_read, first_other_outcome

_AGREEMENT = 1e-6
"""Relative difference up to which a repaired test measures what the control case did."""


@dataclass(frozen=True)
class Designing:
    """Everything that a design is assembled from."""

    root: Path
    folder: EvidenceFolder
    basis: Basis
    runs: DesignRuns
    settings: Settings
    tree: Path
    """The suite's root: where its sources lie."""
    conditions: Conditions | None = None
    """How the run that failed started its processes, where the settings of today say otherwise."""

    def command(self, nodeids: Sequence[str], *extra: str) -> str:
        """A shell line that runs these tests as the run that failed did."""
        return pytest_command(self.settings, nodeids, *extra, conditions=self.conditions)

    def evidence(self, path: str | Path) -> str:
        """An artifact as documents name it."""
        return relative_evidence(self.root, str(path))


def compared_options(designing: Designing) -> tuple[Option, ...]:
    """Every option with what running it gave, its eligibility, and what speaks for and against it."""
    basis = designing.basis
    as_is = measurements_of(designing.runs.as_is.measured)
    return compare(
        [_option(designing, trial) for trial in designing.runs.options],
        cause=basis.report.root_cause.kind,
        cut_off=as_is.unreached if as_is is not None else (),
        floors=floors(basis, designing.settings, control_of(basis)),
        at_fault=basis.report.root_cause.at_fault,
        claim=basis.report.root_cause.claim,
    )


def assemble(
    designing: Designing, options: Sequence[Option], criteria: Sequence[Criterion], *, owner: str
) -> Design:
    """The whole document. `owner` is whoever has the cluster where the journal names nobody."""
    basis, runs, folder = designing.basis, designing.runs, designing.folder
    chosen = recommended_option(options)
    return Design(
        stamp=folder.stamp,
        campaign=folder.campaign,
        folder=folder.relative(designing.root),
        cluster=basis.cluster.id,
        title=basis.cluster.title,
        owner=basis.cluster.owner or owner,
        subject=basis.subject,
        context=basis.context,
        probe=designing.evidence(basis.probe),
        proof=basis.proof,
        run=designing.evidence(basis.run_folder / "summary.json") if basis.run_folder else None,
        as_is=_subject_run(designing, runs.as_is),
        reproduced=runs.as_is.red(*basis.subject),
        rule=RULE,
        options=tuple(options),
        recommended=chosen.letter if chosen else None,
        choice=options.index(chosen) if chosen else None,
        criteria=tuple(criteria),
        commands=_commands(designing, chosen, criteria),
        tasks=tuple(_tasks(designing, chosen, criteria)),
        touchpoints=tuple(_touchpoints(basis, chosen, criteria)),
        others_red=basis.tolerated,
        members=basis.cluster.members,
        approval=_approval(designing, options, chosen),
    )


def control_of(basis: Basis) -> Control | None:
    """What was measured in the treated arm of the proof; None where nothing was."""
    if basis.proven is None:
        return None
    measured = recorded_measurements(basis.proven.measurements.get("treated"))
    if measured is None or not measured.gradients:
        return None
    return Control(loss=measured.loss, gradients=measured.gradients)


def _option(designing: Designing, trial: OptionTrial) -> Option:
    basis = designing.basis
    applied, proposal = trial.applied, trial.applied.proposal
    applies = applied.why_not is None
    patch_file = f"{designing.folder.relative(designing.root)}/options/{proposal.letter}.patch"
    measured = trial.measured()
    return Option(
        letter=proposal.letter,
        title=proposal.title,
        source=proposal.source,
        patch=proposal.patch,
        patch_file=patch_file,
        apply=apply_command(patch_file, applied.proposal.installs),
        applies=applies,
        why_not=applied.why_not,
        files=applied.files,
        added=sum(change.added for change in applied.files),
        removed=sum(change.removed for change in applied.files),
        strength=applied.strength,
        keywords=applied.keywords,
        leaves=applied.proposal.leaves,
        runs=RUNS if applies else 0,
        passed=trial.passed(basis.subject),
        seconds=trial.seconds(basis.subject),
        targeted=tuple(_subject_run(designing, run) for run in trial.targeted),
        loss=measured.loss if measured else None,
        graph=measured.graph if measured else None,
        unreached=measured.unreached if measured else (),
        gradients=measured.gradients if measured else {},
        agrees_with_control=_agrees(control_of(basis), measured),
        new_reads=tuple(sorted(trial.reads() - files_read(designing.runs.as_is))),
        no_longer_run=_no_longer_run(designing, trial),
        chunk=_chunk_run(designing, trial),
        breaks=trial.breaks(basis.subject),
    )


def _no_longer_run(designing: Designing, trial: OptionTrial) -> tuple[str, ...]:
    """Product lines that a repair outside of the product keeps from running.

    Where other tests are the cause, the failing run executed what they had changed: its lines are no measure.
    """
    basis, as_is = designing.basis, designing.runs.as_is
    in_product = any(change.kind == "product" for change in trial.applied.files)
    failure = next((as_is.failures[nodeid] for nodeid in basis.subject if nodeid in as_is.failures), None)
    if in_product or failure is None or not trial.targeted or basis.report.root_cause.kind in ORDER_KINDS:
        return ()
    lost = lost_lines(
        executed_lines(as_is, *basis.subject),
        executed_lines(trial.targeted[-1], *basis.subject),
        failure,
        lambda path: text_of(designing.tree, path),
        {},
    )
    return lost.no_longer_run


def _subject_run(designing: Designing, run: Observation) -> SubjectRun:
    measured = measurements_of(run.measured)
    return SubjectRun(
        outcome=first_other_outcome(run, designing.basis.subject).value,
        seconds=round(run.seconds, 3),
        loss=measured.loss if measured else None,
        command=designing.command(designing.basis.context),
        evidence=designing.evidence(run.evidence),
    )


def _chunk_run(designing: Designing, trial: OptionTrial) -> ChunkRun | None:
    chunk, run, cost = designing.basis.chunk, trial.chunk, trial.cost
    if chunk is None or run is None:
        return None
    return ChunkRun(
        name=chunk.name,
        tests=len(chunk.nodeids),
        passed=sum(outcome is Outcome.PASSED for outcome in run.outcomes.values()),
        new_failures=trial.new_failures(designing.basis),
        unanswered=tuple(nodeid for nodeid in chunk.nodeids if run.outcome(nodeid) is Outcome.NOT_RUN),
        excused=tuple(f"{nodeid}: {reason}" for nodeid, reason in sorted(trial.excused.items())),
        seconds=round(run.seconds, 3),
        evidence=designing.evidence(run.evidence),
        slowed=(cost.without, cost.with_option) if cost is not None and cost.is_dear else None,
    )


def _agrees(control: Control | None, measured: Measurements | None) -> bool:
    """Whether loss and every gradient are those of the control case."""
    if control is None or measured is None:
        return False
    pairs = [(control.loss, measured.loss)]
    pairs += [(value, measured.gradients.get(name)) for name, value in control.gradients.items()]
    return all(_close(magnitude(one), magnitude(other)) for one, other in pairs)


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return False
    return abs(one - other) <= _AGREEMENT * max(one, other, 1.0)


def _commands(designing: Designing, chosen: Option | None, criteria: Sequence[Criterion]) -> Commands:
    basis = designing.basis
    capture = capture_command(designing.settings, basis.subject, conditions=designing.conditions)
    chunk = next((criterion.command for criterion in criteria if criterion.name == "chunk"), None)
    return Commands(
        targeted=designing.command(basis.subject, "--maxfail=1", "--durations=25"),
        capture=capture if _differentiates(designing.runs) else None,
        chunk=chunk,
        apply=chosen.apply if chosen else None,
        verify=_verify_command(basis),
    )


def _verify_command(basis: Basis) -> str:
    return f"triage verify {basis.cluster.id}"


def _differentiates(runs: DesignRuns) -> bool:
    targeted = (run for trial in runs.options for run in trial.targeted)
    return any(measurements_of(run.measured) is not None for run in (runs.as_is, *targeted))


def _tasks(designing: Designing, chosen: Option | None, criteria: Sequence[Criterion]) -> Iterator[Task]:
    """What phase D does, with the time that the runs of this phase say it takes."""
    if chosen is None:
        return
    yield Task(id="D1", what="apply the recommended option", command=chosen.apply, seconds=None)
    number = 1
    commands: set[str] = set()
    for criterion in criteria:
        # loss and gradients are measured by one command: one task
        if criterion.kind == "measures" and criterion.command in commands:
            continue
        commands.add(criterion.command)
        number += 1
        yield Task(
            id=f"D{number}",
            what=criterion.text,
            command=criterion.command or None,
            seconds=_expected_seconds(designing, chosen, criterion),
        )
    yield Task(
        id=f"D{number + 1}",
        what="let triage run all of these and resolve the cluster",
        command=_verify_command(designing.basis),
        seconds=None,
    )


def _expected_seconds(designing: Designing, chosen: Option, criterion: Criterion) -> float | None:
    """The time of a criterion's runs, from the run of this phase that was like them."""
    one_run: float | None = None
    if criterion.scope in (Scope.ALONE, Scope.CONTEXT):
        one_run = chosen.targeted[-1].seconds if chosen.targeted else designing.runs.as_is.seconds
    elif criterion.scope is Scope.CHUNK and chosen.chunk is not None:
        one_run = chosen.chunk.seconds
    return None if one_run is None else round(one_run * max(1, criterion.runs), 1)


def _touchpoints(basis: Basis, chosen: Option | None, criteria: Sequence[Criterion]) -> Iterator[Touchpoint]:
    """Every place that phase D changes, and who changes it."""
    for file in chosen.files if chosen else ():
        yield Touchpoint(path=file.path, what="the repair", by="person")
    for criterion in criteria:
        if criterion.kind == "docstring":
            for nodeid in criterion.nodeids:
                yield Touchpoint(path=nodeid, what="a note in the docstring", by="person")
    yield Touchpoint(path="plans/fix_plan.md", what="attempts of phases C and D", by="triage")
    status = f"status of {basis.cluster.id}"
    yield Touchpoint(path="reports/remediation_tracker.md", what=status, by="triage")


def _approval(designing: Designing, options: Sequence[Option], chosen: Option | None) -> tuple[Approval, ...]:
    """What an approver would look for, answered from the evidence."""
    basis = designing.basis
    answers = {
        "the cause is proven by a controlled experiment": basis.report.root_cause.confidence == "proven",
        "the failure is still there in the present tree": designing.runs.as_is.red(*basis.subject),
        "several options were compared by running them": sum(option.applies for option in options) > 1,
        "one option is eligible under the rule": chosen is not None,
        "the repaired test still notices planted breaks": bool(chosen and chosen.breaks),
        "the chunk of the subject was run with the option": bool(chosen and chosen.chunk),
    }
    return tuple(Approval(what=what, holds=holds) for what, holds in answers.items())
