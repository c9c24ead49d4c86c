"""`asked`: the changes that the user wants to see tried."""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.factors import arms, cause_kind
from triage.probe.treatment import HOLLOW, came_there, repeats_of, watching


class Asked:
    """One experiment for each `--factor`."""

    name = "asked"

    def likelihood(self, case: Case) -> float:
        """First where something was asked; defaults of configurations go to `signal` where that fits."""
        if not case.factors:
            return 0.0
        return 0.985 if any(factor.kind != "config" for factor in case.factors) else 0.6

    def investigate(self, case: Case) -> Steps:
        """The verdicts are the answer; the first confirmed one is the cause."""
        repeats, alpha = repeats_of(case)
        cause = proof = None
        for factor in case.factors:
            baseline, treated = arms(case.base, factor)
            experiment = Experiment(
                probe=self.name,
                factor=factor,
                prediction=f"With {factor.spelled()} the test passes.",
                baseline=baseline,
                treated=treated,
                watch=(case.nodeid,),
                repeats=repeats,
                alpha=alpha,
            )
            (trial,) = yield from test(experiment)
            if trial.result.status is Status.CONFIRMED and cause is None:
                (run,) = yield from look(watching(case, treated), why="does it come to what failed?")
                cause = _cause(factor, hollow=not came_there(case, run))
                proof = experiment
        return Finding(
            cause=cause,
            proof=proof,
            excluded="" if cause else "none of the changes that were asked for helps",
        )


def _cause(factor: Factor, *, hollow: bool) -> RootCause:
    summary = f"with {factor.spelled()} the test passes, without it fails"
    return RootCause(
        kind=cause_kind(factor),
        summary=f"{summary}, {HOLLOW}" if hollow else summary,
        factor=factor,
        culprits=(factor.name,),
        confidence="likely" if hollow else "proven",
    )
