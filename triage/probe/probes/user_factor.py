"""Test the changes that the user asks for with `--factor`."""

from __future__ import annotations

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.factors import arms, cause_kind
from triage.probe.treatment import BYPASS, reached_failed_statement, repeats_of, watching_failed_statement


def names_a_factor(case: Case) -> bool:
    """Whether the user asks for a change."""
    return bool(case.factors)


def names_more_than_defaults(case: Case) -> bool:
    """Whether the user asks for a change that the probe `signal` does not try with its own measurements."""
    return any(factor.kind != "config" for factor in case.factors)


class UserFactor:
    """Make one experiment for each `--factor`."""

    name = "user-factor"

    def investigate(self, case: Case) -> Steps:
        """Test every factor, for each verdict is an answer; the first confirmed one is the cause."""
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
                (run,) = yield from look(
                    watching_failed_statement(case, treated), why="does it reach the statement that failed?"
                )
                cause = _cause(factor, bypasses=not reached_failed_statement(case, run))
                proof = experiment
        if cause is None:
            return Finding(excluded="none of the changes that were asked for helps")
        return Finding(cause=cause, proof=proof)


def _cause(factor: Factor, *, bypasses: bool) -> RootCause:
    summary = f"with {factor.spelled()} the test passes, without it fails"
    return RootCause(
        kind=cause_kind(factor),
        summary=f"{summary}, {BYPASS}" if bypasses else summary,
        factor=factor,
        culprits=(factor.name,),
        confidence="likely" if bypasses else "proven",
    )
