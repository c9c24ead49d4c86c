"""`alone`: does the failure need the tests that run before it?"""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.lab.verdict import repeats_for
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, test


class Alone:
    """The failing order against the test alone in its process."""

    name = "alone"

    def likelihood(self, case: Case) -> float:
        """Certain to be worth it where the failure was seen only in company."""
        return 0.0 if case.context == "alone" else 0.95

    def investigate(self, case: Case) -> Steps:
        """One experiment; which test does it is the question of the probe `order`."""
        alone = case.base.plus(nodeids=(case.nodeid,))
        (trial,) = yield from test(
            Experiment(
                probe=self.name,
                factor=Factor(kind="order", name="company", from_=case.context, to="alone"),
                prediction="Alone in its process the test passes: what ran before it makes it fail.",
                baseline=case.base,
                treated=alone,
                watch=(case.nodeid,),
                repeats=repeats_for(case.rate, 0.05) if case.flaky else 4,
            )
        )
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="it does not depend on the tests that run before it")
        others = [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]
        summary = f"it passes alone and fails after other tests of the {case.context} ({len(others)} of them)"
        cause = RootCause(
            kind="order-dependent", summary=summary, confidence="likely", factor=trial.result.factor
        )
        return Finding(cause=cause)
