"""Put together the report of phase B on one subject."""

from __future__ import annotations

import shlex

from triage.model.experiment import ProbeReport, RootCause
from triage.probe.members import Division
from triage.probe.probes.twice import TWICE
from triage.probe.reproduce import NotReproduced, Reproduction
from triage.probe.schedule import ProbeRun
from triage.probe.subject import Subject


def report_without_failure(subject: Subject, reproduction: NotReproduced) -> ProbeReport:
    """The report on a test that never failed."""
    cause = RootCause(kind="unknown", summary=reproduction.text, confidence="unknown")
    return ProbeReport(
        subject=subject.nodeids,
        cluster=subject.cluster,
        reproduced=False,
        is_green=reproduction.is_green,
        root_cause=cause,
        claim=reproduction.text,
        next="triage run",
    )


def report_of(subject: Subject, reproduction: Reproduction, run: ProbeRun, division: Division) -> ProbeReport:
    """The report on a failure that was reproduced and probed."""
    cause = run.cause()
    patches = run.best.patches if run.best is not None else ()
    return ProbeReport(
        subject=subject.nodeids,
        cluster=subject.cluster,
        reproduced=True,
        experiments=(*run.results, *division.results),
        root_cause=cause,
        next=_next_command(subject, cause, has_repair=bool(patches)),
        claim=reproduction.text,
        excluded=run.excluded,
        patches=patches,
        notes=(*run.notes, *division.notes),
    )


def _fails_twice_only(cause: RootCause) -> bool:
    return cause.factor is not None and cause.factor.kind == TWICE


def _next_command(subject: Subject, cause: RootCause, *, has_repair: bool) -> str:
    if cause.confidence == "unknown":
        return f"triage history {shlex.quote(subject.nodeids[0])}"
    if subject.cluster is None and _fails_twice_only(cause):
        return f"triage hunt {shlex.quote(subject.nodeids[0])}"  # no run shows it red, so no run clusters it
    if subject.cluster is None:
        return "triage run"  # designs belong to clusters, and a run that shows the test red gives it one
    design = f"triage design {subject.cluster}"
    return design if has_repair else f"{design} --option YOUR.patch"
