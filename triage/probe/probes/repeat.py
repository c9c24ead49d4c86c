"""Test whether the same setup gives the same outcome every time.

The last repeat carries the meters that the next probes ask for: they take its run instead of one more.
"""

from __future__ import annotations

from triage.lab.protocol import Observation
from triage.model.experiment import ExperimentResult, Factor, RootCause, Status, Tally
from triage.model.rate import wilson
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.probes.signal import TRACE_METERS, names_a_gradient

RUNS = 4
"""Runs of the unchanged case, those that reproduced the failure included: as many as a baseline has."""

_MORE_IN_COMPANY = 2
"""Further runs in company: a flaky test that passed alone by luck would look order-dependent."""


class Repeat:
    """Run the unchanged case again; a test that passes and fails in one setup is flaky."""

    name = "repeat"

    def investigate(self, case: Case) -> Steps:
        """Repeat until the answer is clear; the failing run that opened the case counts."""
        more = max(1, RUNS - case.runs) if case.context == "alone" else _MORE_IN_COMPANY
        setups = [case.base] * more
        if more > 1 and case.context == "alone":
            # one repeat at least is as plain as the runs that opened the case
            setups[-1] = case.base.measuring(*_meters_of_next_probes(case))
        runs = yield from look(*setups, why="the unchanged case again")
        failed_before = round(case.rate * case.runs)
        failed = failed_before + sum(run.red(case.nodeid) for run in runs)
        total = case.runs + len(runs)
        result = _result(total, failed, [case.observed, *runs])
        if failed == total:
            excluded = f"chance: the failure is steady, {failed} of {total} repeats failed"
            return Finding(excluded=excluded, experiments=(result,))
        low, high = wilson(failed, total)
        summary = f"it fails {failed} of {total} times in the same setup (rate {low:.0%} to {high:.0%})"
        cause = RootCause(kind="flaky", summary=summary, confidence="likely")
        return Finding(cause=cause, experiments=(result,))


def _meters_of_next_probes(case: Case) -> tuple[str, ...]:
    """What signal asks for where a gradient is in question, else the survey; and the lines of the claim."""
    return TRACE_METERS if names_a_gradient(case) else ("usage", "lines")


def _result(runs: int, failed: int, seen: list[Observation]) -> ExperimentResult:
    if failed == runs:
        status = Status.CONFIRMED
        sentence = f"The failure is steady: {failed} of {runs} repeats failed."
    else:
        status = Status.REFUTED
        sentence = f"The failure is flaky: {failed} of {runs} repeats failed."
    return ExperimentResult(
        probe="repeat",
        factor=Factor(kind="repeat", name="unchanged", from_=1, to=runs),
        prediction="A failure that chance does not decide comes again in every run of the same setup.",
        status=status,
        baseline=Tally(runs=runs, failed=failed),
        treated=Tally(runs=0, failed=0),
        sentence=sentence,
        command=seen[0].command,
        evidence=tuple(run.evidence for run in seen if run.evidence),
    )
