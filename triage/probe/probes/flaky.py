"""`repeat`: does the same setup give the same outcome every time?"""

from __future__ import annotations

from triage.lab.protocol import Observation
from triage.lab.verdict import still_allowed, wilson
from triage.model.experiment import ExperimentResult, Factor, RootCause, Status, Tally
from triage.probe.api import Case, Finding, Steps, look

RUNS = 4
"""Those of the claim included: as many as an experiment's baseline has."""

_IN_COMPANY = 2
"""Further runs in company: a flaky test that passed alone by luck would look order-dependent."""


class Repeat:
    """Runs the unchanged case again; whoever passes and fails in one setup is flaky."""

    name = "repeat"

    def likelihood(self, case: Case) -> float:
        """First of all: every other probe plans its repeats by this answer."""
        return 1.0

    def investigate(self, case: Case) -> Steps:
        """Repeat until the answer is clear; the failing run that opened the case counts."""
        more = max(1, RUNS - case.runs) if case.context == "alone" else _IN_COMPANY
        runs = yield from look(*[case.base] * more, why="the unchanged case again")
        failed = round(case.rate * case.runs) + sum(run.red(case.nodeid) for run in runs)
        total = case.runs + len(runs)
        result = _result(case, total, failed, [case.observed, *runs])
        low, high = wilson(failed, total)
        if failed == total:
            text = f"failed {failed} of {total} times: chance does not decide, or seldom"
            return Finding(excluded=text, experiments=(result,))
        summary = f"it fails {failed} of {total} times in the same setup (rate {low:.0%} to {high:.0%})"
        cause = RootCause(kind="flaky", summary=summary, confidence="likely")
        return Finding(cause=cause, experiments=(result,))


def _result(case: Case, runs: int, failed: int, seen: list[Observation]) -> ExperimentResult:
    steady = failed == runs
    passing = runs - failed
    sentence = (
        f"It failed {failed} of {runs} times; passes up to {still_allowed(runs):.0%} are not excluded."
        if steady
        else f"It passed {passing} of {runs} times in the same setup: it is flaky."
    )
    return ExperimentResult(
        probe="repeat",
        factor=Factor(kind="repeat", name="unchanged", from_=1, to=runs),
        prediction="A failure that chance does not decide comes again in every run of the same setup.",
        status=Status.CONFIRMED if steady else Status.REFUTED,
        baseline=Tally(runs=runs, failed=failed),
        treated=Tally(runs=0, failed=0),
        sentence=sentence,
        command=seen[0].command,
        evidence=tuple(run.evidence for run in seen if run.evidence),
    )
