"""Ask of a decoy's own treatment, tried alone, whether its flip would be called a cause: three processes a
decoy.

A whole probe takes fifty processes and may find the treatment or not; this asks the rule for its answer at
once.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from benchmarks.decoy_knobs import Knob
from triage.cli import wiring
from triage.cli.context import App
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import UNLIMITED
from triage.lab.lab import Lab
from triage.lab.protocol import Answer, Experiment, Look, Setup, Step
from triage.lab.session import open_lab, workspace
from triage.model.base import Silent
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding
from triage.probe.case_facts import files_of, source_of
from triage.probe.claim import examined
from triage.probe.factors import kind_of_factor

_BEFORE_THE_DATE = 1_708_000_000.0
"""A moment of February 2024: the knob `date` turns at the first of March."""


def claim_of_treatment(subject: str, warm_test: str, knob: Knob, tag: str, root: Path) -> RootCause | None:
    """What a confirmed experiment on the decoy's treatment claims; None where the test does not flip here."""
    base = Setup(nodeids=(subject,))
    factor, treated = _treatment(base, warm_test, knob, tag)
    app = App(str(root))
    services = wiring.services(app)
    object.__setattr__(services, "progress", Silent())
    folder = EvidenceFolder.create_free(root, "decoys", "b", app.world.stamp(), app.redact)
    with workspace(root) as place:
        lab = open_lab(services, folder, place, budget=UNLIMITED, workers=2)
        failing, passing = lab.look([Look(setup=base), Look(setup=treated)])
        failure = failing.failures.get(subject)
        if failure is None or not passing.passed(subject):
            return None
        case = Case(
            nodeid=subject, base=base, failure=failure, context="alone", observed=failing, runs=4,
            source=source_of(root), files=files_of(root), env=dict(services.settings.process_env),
        )  # fmt: skip
        proof = Experiment(
            probe="decoys", factor=factor, prediction="-", baseline=base, treated=treated, watch=(subject,)
        )
        cause = RootCause(kind=kind_of_factor(factor), summary="it flips", factor=factor, confidence="proven")
        return _answered(lab, examined(case, Finding(cause=cause, proof=proof))).cause


def _answered(lab: Lab, steps: Generator[tuple[Step, ...], tuple[Answer, ...], Finding]) -> Finding:
    try:
        batch = next(steps)
        while True:
            batch = steps.send(lab.answer(batch))
    except StopIteration as end:
        finding: Finding = end.value
        return finding


def _treatment(base: Setup, warm_test: str, knob: Knob, tag: str) -> tuple[Factor, Setup]:
    """The factor and the setup with the knob turned."""
    env = {name.replace("{tag}", tag): value for name, value in knob.env.items()}
    files = {name.replace("{tag}", tag): text for name, text in knob.files.items()}
    if env:
        ((name, value),) = env.items()
        return Factor(kind="env", name=name, from_=None, to=value), base.plus(env={name: value})
    if files:
        ((name, text),) = files.items()
        factor = Factor(kind="file", name=name, from_="absent", to="an empty file")
        return factor, base.plus(edits={name: text})
    if knob.before:
        factor = Factor(kind="order", name="before", from_="alone", to=[warm_test])
        return factor, base.plus(nodeids=(warm_test, *base.nodeids))
    if knob.name == "cores":
        factor = Factor(kind="resource", name="cores", from_="as here", to="one core reported")
        return factor, base.plus(instruments={"machine": {"cores": 1}})
    factor = Factor(kind="clock", name="now", from_="now", to="2024-02-15T12:26:40Z")
    return factor, base.plus(instruments={"clock": {"at": _BEFORE_THE_DATE}})
