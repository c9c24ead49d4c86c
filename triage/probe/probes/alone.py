"""Test whether the failure needs the tests that run before it."""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, test
from triage.probe.treatment import USUAL_ALPHA, repeats_at

_COMPANY = {
    "alone": "as it was reproduced",  # where a user names this probe
    "imports": "where the other test files are imported too",
    "file": "after other tests of its file",
    "chunk": "after other tests of its process in a recorded run",
    "suite": "after other tests of the suite",
    "workers": "in workers of pytest-xdist",
    "twice": "the second time that it runs in one process",
}


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
                treated=case.base.plus(nodeids=(case.nodeid,), imports=()),
                watch=(case.nodeid,),
                repeats=repeats_at(case, USUAL_ALPHA),
                arm_names=(_COMPANY[case.context], "alone"),
            )
        )
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="it does not depend on the tests that run before it")
        others = len({*case.base.nodeids, *case.base.imports} - {case.nodeid})
        summary = f"the test passes alone and fails {_COMPANY[case.context]} ({others} of them)"
        cause = RootCause(
            kind="order-dependent",
            summary=summary,
            confidence="likely",
            factor=trial.result.factor,
            claim="condition",
        )
        return Finding(cause=cause)
