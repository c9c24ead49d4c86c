"""Test whether the failure needs the tests that run before it."""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, test
from triage.probe.treatment import USUAL_ALPHA, repeats_at


class Alone:
    """Run the failing order against the test alone in its process."""

    name = "alone"

    def investigate(self, case: Case) -> Steps:
        """One experiment; which of the other tests does it is the question of the probe `order`."""
        (trial,) = yield from test(
            Experiment(
                probe=self.name,
                factor=Factor(kind="order", name="company", from_=case.context, to="alone"),
                prediction="Alone in its process the test passes: what ran before it makes it fail.",
                baseline=case.base,
                treated=case.base.plus(nodeids=(case.nodeid,)),
                watch=(case.nodeid,),
                repeats=repeats_at(case, USUAL_ALPHA),
                arm_names=(f"among the tests of its {case.context}", "alone"),
            )
        )
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="it does not depend on the tests that run before it")
        others = sum(nodeid != case.nodeid for nodeid in case.base.nodeids)
        summary = f"it passes alone and fails after other tests of the {case.context} ({others} of them)"
        cause = RootCause(
            kind="order-dependent", summary=summary, confidence="likely", factor=trial.result.factor
        )
        return Finding(cause=cause)
